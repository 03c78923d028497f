/* Every allocation and thread that a call asks for is refused in its turn, once alone and once with all that
 * come after it. The call then says OUT_OF_MEMORY and why, hands out nothing, leaks nothing and leaves no file; or it
 * did without, and its answer is the same to the bit. The same handles work right after. */
#include "digest.h"
#include "exhaust.h"
#include "small_model.h"
#include "unit/phantom.h"
#include "unit/test_image_files.h"

/* What the calls below work on; made before anything fails. */
static struct bytes model_bytes;
static tumorclass_model *model;
static tumorclass_session *session;
static struct phantom *scan, *mask;
static tumorclass_result *answer;
static float *map;

enum { THREADS = 3 };

/* ---- The calls: each does its thing in a window in which things may fail, and takes it back ---- */

static tumorclass_status load_model(uint64_t *digest, const struct call *call)
{
    const char *path = call->file ? in_folder(call->file) : NULL;
    tumorclass_model *loaded = (tumorclass_model *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_model_load(&loaded, path, NULL);
    failures_end();
    if (status == TUMORCLASS_OK)
        *digest = model_digest(loaded);
    else
        ck_assert_ptr_null(loaded);
    tumorclass_model_free(loaded);
    return status;
}

static tumorclass_status load_model_memory(uint64_t *digest, const struct call *call)
{
    (void)call;
    tumorclass_model *loaded = (tumorclass_model *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_model_load_memory(&loaded, model_bytes.data, model_bytes.size, NULL);
    failures_end();
    if (status == TUMORCLASS_OK)
        *digest = model_digest(loaded);
    else
        ck_assert_ptr_null(loaded);
    tumorclass_model_free(loaded);
    return status;
}

static tumorclass_status read_image(uint64_t *digest, const struct call *call)
{
    const char *path = in_folder(call->file);
    tumorclass_image *image = (tumorclass_image *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_image_read(&image, path, NULL);
    failures_end();
    if (status == TUMORCLASS_OK)
        *digest = image_digest(image);
    else
        ck_assert_ptr_null(image);
    tumorclass_image_free(image);
    return status;
}

static tumorclass_status create_session(uint64_t *digest, const struct call *call)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = THREADS;
    tumorclass_model *const models[2] = { model, model };
    tumorclass_session *created = (tumorclass_session *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_session_create_ensemble(&created, models, call->models, &options);
    failures_end();
    if (status == TUMORCLASS_OK) {
        tumorclass_result *result;
        ck_assert_int_eq(tumorclass_classify(created, &result, &scan->volume, NULL), TUMORCLASS_OK);
        *digest = result_digest(result);
        tumorclass_result_free(result);
    } else {
        ck_assert_ptr_null(created);
    }
    tumorclass_session_free(created);
    return status;
}

/* Sizes are no handles: one that cannot be worked out is SIZE_MAX. */
static tumorclass_status measure(uint64_t *digest, const struct call *call)
{
    (void)call;
    failures_begin();
    const size_t sizes[] = { tumorclass_model_memory(model), tumorclass_session_memory(session, &scan->volume) };
    failures_end();
    *digest = mix(start, sizes, sizeof sizes);
    return sizes[0] == SIZE_MAX || sizes[1] == SIZE_MAX ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_OK;
}

static tumorclass_status preprocess(uint64_t *digest, const struct call *call)
{
    (void)call;
    tumorclass_image *input = (tumorclass_image *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_preprocess(session, &input, &scan->volume, NULL);
    failures_end();
    if (status == TUMORCLASS_OK)
        *digest = image_digest(input);
    else
        ck_assert_ptr_null(input);
    tumorclass_image_free(input);
    return status;
}

static tumorclass_status classify(uint64_t *digest, const struct call *call)
{
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    options.flips = call->flips;
    if (call->file) options.mask = &mask->volume;
    tumorclass_result *result = (tumorclass_result *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_classify(session, &result, &scan->volume, &options);
    failures_end();
    if (status == TUMORCLASS_OK)
        *digest = result_digest(result);
    else
        ck_assert_ptr_null(result);
    tumorclass_result_free(result);
    return status;
}

static tumorclass_status attend(uint64_t *digest, const struct call *call)
{
    tumorclass_attention_summary summaries[SMALL_CLASSES] = { 0 };
    tumorclass_attention_options options = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    options.method = call->method;
    const size_t maps = call->class_index == TUMORCLASS_ALL_CLASSES ? SMALL_CLASSES : 1;
    const size_t count = maps * (size_t)volume_count(&scan->volume);
    failures_begin();
    const tumorclass_status status = tumorclass_attention(session, map, count, summaries, answer, call->class_index,
                                                          &options);
    failures_end();
    *digest = mix(mix(start, map, count * sizeof *map), summaries, sizeof summaries);
    return status;
}

/* The first map of a session: the backward pass is made for it. After a failure the next try is right. */
static tumorclass_status attend_first(uint64_t *digest, const struct call *call)
{
    tumorclass_session *session_of_fixture = session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = THREADS;
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    const tumorclass_status status = attend(digest, call);
    if (status != TUMORCLASS_OK) {
        ck_assert_msg(!attend(digest, call), "%s", tumorclass_last_error());
    }
    tumorclass_session_free(session);
    session = session_of_fixture;
    return status;
}

/* Add an answer to the digest, without an assertion of Check, which allocates. A failure is its item's own, and here
 * the call's. */
static tumorclass_status take_answer(uint64_t *digest, tumorclass_stream *stream)
{
    tumorclass_stream_answer taken;
    const tumorclass_status status = tumorclass_stream_next(stream, &taken);
    if (status != TUMORCLASS_OK) return status;
    if (taken.status != TUMORCLASS_OK) return fail(taken.status, "%s", taken.error);
    if (taken.attention_status != TUMORCLASS_OK) return fail(taken.attention_status, "%s", taken.error);
    size_t count;
    const float *logits = tumorclass_result_logits(taken.result, &count);
    *digest = mix(mix(*digest, logits, count * sizeof *logits), taken.map, taken.map_size * sizeof *taken.map);
    return TUMORCLASS_OK;
}

static tumorclass_status stream_scans(uint64_t *digest, const struct call *call)
{
    const tumorclass_attention_options unit = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    tumorclass_stream *stream = (tumorclass_stream *)1;
    item.path = in_folder(call->file);
    item.mask_path = in_folder("mask.nii");
    item.attention = &unit;
    item.attention_class = call->class_index;
    *digest = start;
    failures_begin();
    tumorclass_status status = tumorclass_stream_create(&stream, session, NULL);
    const bool created = status == TUMORCLASS_OK;
    for (int n = 0; n < 3 && status == TUMORCLASS_OK; n++) status = tumorclass_stream_push(stream, &item);
    while (status == TUMORCLASS_OK && tumorclass_stream_pending(stream)) status = take_answer(digest, stream);
    tumorclass_stream_free(stream);
    failures_end();
    ck_assert_int_eq(created, stream != NULL);
    return status;
}

static tumorclass_status diagnose(uint64_t *digest, const struct call *call)
{
    (void)call;
    tumorclass_diagnosis *diagnosis = (tumorclass_diagnosis *)1;
    failures_begin();
    const tumorclass_status status = tumorclass_diagnosis_create(&diagnosis);
    failures_end();
    if (status == TUMORCLASS_OK) {
        size_t count;
        const tumorclass_property *facts = tumorclass_diagnosis_facts(diagnosis, &count);
        *digest = mix_properties(start, facts, count);
    } else {
        ck_assert_ptr_null(diagnosis);
    }
    tumorclass_diagnosis_free(diagnosis);
    return status;
}

static tumorclass_status write_map(uint64_t *digest, const struct call *call)
{
    const char *path = in_folder(call->file);
    const tumorclass_volume volumes[2] = { scan->volume, mask->volume };
    failures_begin();
    const tumorclass_status status = tumorclass_image_write(path, volumes, 2, NULL);
    failures_end();
    if (status == TUMORCLASS_OK) *digest = file_digest(path);
    if (status == TUMORCLASS_OK) ck_assert_int_eq(unlink(path), 0);
    return status;
}

static tumorclass_status write_bytes(uint64_t *digest, const struct call *call)
{
    const char *path = in_folder(call->file);
    failures_begin();
    const tumorclass_status status = tumorclass_write_file(path, model_bytes.data, model_bytes.size);
    failures_end();
    if (status == TUMORCLASS_OK) *digest = file_digest(path);
    struct stat about;
    ck_assert(!lstat(path, &about) && S_ISLNK(about.st_mode)); /* what it points to is written */
    return status;
}

/* ---- Files to read ---- */

/* The parts of a file that image_write made, as the two files of a pair. */
static void save_pair(const char *whole)
{
    void *data;
    size_t size;
    ck_assert_int_eq(file_load(&data, &size, whole, SIZE_MAX), TUMORCLASS_OK);
    unsigned char header[348];
    memcpy(header, data, sizeof header);
    memcpy(header + 344, "ni1", 4);
    memset(header + 108, 0, 4); /* vox_offset */
    save("pair.hdr", header, sizeof header);
    save("pair.img", (char *)data + 352, size - 352);
    memory_free(data);
}

static void make_files(void)
{
    ck_assert_int_eq(tumorclass_image_write(in_folder("scan.nii"), &scan->volume, 1, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_image_write(in_folder("scan.nii.gz"), &scan->volume, 1, NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_image_write(in_folder("mask.nii"), &mask->volume, 1, NULL), TUMORCLASS_OK);
    save_pair(in_folder("scan.nii"));
    save("small.onnx", model_bytes.data, model_bytes.size);
    struct bytes external = small_model("dense.bin");
    save("external.onnx", external.data, external.size);
    save("dense.bin", small_weights() + 100, 96);
    bytes_free(&external);
    save("old.onnx", "old", 3);
    ck_assert_int_eq(symlink("old.onnx", in_folder("link.onnx")), 0);
}

static void set_up(void)
{
    static const double step[3] = { 6, 6, 7 };
    enter_folder();
    exhaust_watch(folder);
    model_bytes = small_model(NULL);
    scan = phantom_create(20, 22, 18, step, 0.1, false);
    mask = phantom_create(20, 22, 18, step, 0.1, false);
    make_files();
    map = malloc(SMALL_CLASSES * (size_t)volume_count(&scan->volume) * sizeof *map);
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = THREADS;
    ck_assert_int_eq(tumorclass_model_load(&model, in_folder("small.onnx"), NULL), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_session_create(&session, model, &options), TUMORCLASS_OK);
    ck_assert_int_eq(tumorclass_classify(session, &answer, &scan->volume, NULL), TUMORCLASS_OK);
}

static void tear_down(void)
{
    tumorclass_result_free(answer);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
    free(map);
    free(mask);
    free(scan);
    bytes_free(&model_bytes);
    leave_folder();
}

#define EXHAUST(calls, least) exhaust_calls(calls, sizeof calls / sizeof *calls, least)

START_TEST(model_load_survives)
{
    const struct call calls[] = {
        { .name = "model from memory", .run = load_model_memory },
        { .name = "shipped model", .run = load_model, .step = 61 },
        { .name = "model from a file", .run = load_model, .file = "small.onnx" },
        { .name = "model with external data", .run = load_model, .file = "external.onnx" },
    };
    EXHAUST(calls, 100);
}
END_TEST

START_TEST(image_read_survives)
{
    const struct call calls[] = {
        { .name = "image", .run = read_image, .file = "scan.nii" },
        { .name = "compressed image", .run = read_image, .file = "scan.nii.gz" },
        { .name = "header of a pair", .run = read_image, .file = "pair.hdr" },
        { .name = "voxels of a pair", .run = read_image, .file = "pair.img" },
    };
    EXHAUST(calls, 4);
}
END_TEST

START_TEST(session_create_survives)
{
    const struct call calls[] = {
        { .name = "session", .run = create_session, .models = 1 },
        { .name = "ensemble", .run = create_session, .models = 2 },
    };
    EXHAUST(calls, 8);
    const struct call sizes[] = { { .name = "memory", .run = measure } };
    EXHAUST(sizes, 2);
}
END_TEST

START_TEST(session_does_with_the_threads_that_can_be_had)
{
    const struct call call = { .name = "session", .run = create_session, .models = 1 };
    if (!failures_plan(SCARCE_THREADS, 1, false)) return;
    ck_assert_int_eq(exhaust(&call, SCARCE_THREADS, false), THREADS - 1);
    ck_assert_int_eq(exhaust(&call, SCARCE_THREADS, true), THREADS - 1);
}
END_TEST

START_TEST(classify_survives)
{
    const struct call calls[] = {
        { .name = "preprocess", .run = preprocess },
        { .name = "classify", .run = classify },
        { .name = "classify with a mask", .run = classify, .file = "mask" },
        { .name = "classify flipped", .run = classify, .flips = TUMORCLASS_FLIP_LEFT_RIGHT },
    };
    EXHAUST(calls, 10);
}
END_TEST

START_TEST(attention_survives)
{
    static const struct call calls[] = {
        { .name = "attention", .run = attend, .class_index = 1 },
        { .name = "attention of all", .run = attend, .class_index = TUMORCLASS_ALL_CLASSES },
        { .name = "CAM", .run = attend, .class_index = 1, .method = TUMORCLASS_ATTENTION_CAM },
        { .name = "Grad-CAM", .run = attend, .class_index = 1, .method = TUMORCLASS_ATTENTION_GRADCAM },
        { .name = "Grad-CAM of all",
          .run = attend,
          .class_index = TUMORCLASS_ALL_CLASSES,
          .method = TUMORCLASS_ATTENTION_GRADCAM },
        { .name = "HiResCAM", .run = attend, .class_index = 1, .method = TUMORCLASS_ATTENTION_HIRESCAM },
        { .name = "HiResCAM of all",
          .run = attend,
          .class_index = TUMORCLASS_ALL_CLASSES,
          .method = TUMORCLASS_ATTENTION_HIRESCAM },
    };
    EXHAUST(calls, 1);
}
END_TEST

START_TEST(first_attention_survives)
{
    static const struct call calls[] = {
        { .name = "first Grad-CAM", .run = attend_first, .class_index = 1, .method = TUMORCLASS_ATTENTION_GRADCAM },
        { .name = "first HiResCAM", .run = attend_first, .class_index = 1, .method = TUMORCLASS_ATTENTION_HIRESCAM },
        { .name = "first map", .run = attend_first, .class_index = TUMORCLASS_ALL_CLASSES },
    };
    EXHAUST(calls, 20);
}
END_TEST

START_TEST(stream_survives)
{
    const struct call calls[] = {
        { .name = "stream", .run = stream_scans, .file = "scan.nii.gz", .class_index = 1, .step = 7 },
        { .name = "stream of all maps",
          .run = stream_scans,
          .file = "scan.nii",
          .class_index = TUMORCLASS_ALL_CLASSES,
          .step = 11 },
    };
    EXHAUST(calls, 100);
    if (failures_plan(SCARCE_THREADS, 1, false)) ck_assert_int_eq(exhaust(&calls[0], SCARCE_THREADS, false), 2);
}
END_TEST

START_TEST(diagnosis_survives)
{
    static const struct call calls[] = { { .name = "diagnosis", .run = diagnose, .step = 61 } };
    EXHAUST(calls, 2);
}
END_TEST

START_TEST(write_survives)
{
    const struct call calls[] = {
        { .name = "write", .run = write_map, .file = "map.nii" },
        { .name = "write compressed", .run = write_map, .file = "map.nii.gz" },
        { .name = "write through a link", .run = write_bytes, .file = "link.onnx" },
    };
    EXHAUST(calls, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alloc");
    TCase *cases = tcase_create("alloc");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, model_load_survives);
    tcase_add_test(cases, image_read_survives);
    tcase_add_test(cases, session_create_survives);
    tcase_add_test(cases, session_does_with_the_threads_that_can_be_had);
    tcase_add_test(cases, classify_survives);
    tcase_add_test(cases, attention_survives);
    tcase_add_test(cases, first_attention_survives);
    tcase_add_test(cases, stream_survives);
    tcase_add_test(cases, diagnosis_survives);
    tcase_add_test(cases, write_survives);
    tcase_set_timeout(cases, 120);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
