/* Options structs of older and newer callers: every function that takes one reads as much as the caller has, takes what
 * is missing as zero, and refuses what it does not know. Structs lie in blocks of exactly their size, so that the address
 * sanitizer sees a byte too many. */
#include "api.h"
#include <stdio.h>
#include <unistd.h>

static tumorclass_session *session;
static tumorclass_result *result;
static char scan_path[64];
static float map[VOXELS];

static void open_all(void)
{
    session = session_with_threads(2);
    result = classified(session);
    snprintf(scan_path, sizeof scan_path, "/tmp/tumorclass-options-%ld.nii", (long)getpid());
    ck_assert_int_eq(tumorclass_image_write(scan_path, &volume, 1, NULL), TUMORCLASS_OK);
}

static void close_all(void)
{
    unlink(scan_path);
    tumorclass_result_free(result);
    tumorclass_session_free(session);
}

static tumorclass_status read_image(const void *options)
{
    tumorclass_image *image;
    const tumorclass_status status = tumorclass_image_read(&image, scan_path, options);
    tumorclass_image_free(image);
    return status;
}

static tumorclass_status load_model(const void *options)
{
    tumorclass_model *loaded;
    const tumorclass_status status = tumorclass_model_load(&loaded, UNTRAINED_MODEL, options);
    tumorclass_model_free(loaded);
    return status;
}

static tumorclass_status create_session(const void *options)
{
    tumorclass_session *created;
    const tumorclass_status status = tumorclass_session_create(&created, model, options);
    tumorclass_session_free(created);
    return status;
}

static tumorclass_status classify(const void *options)
{
    tumorclass_result *answer;
    const tumorclass_status status = tumorclass_classify(session, &answer, &volume, options);
    tumorclass_result_free(answer);
    return status;
}

static tumorclass_status preprocess(const void *options)
{
    tumorclass_image *input;
    const tumorclass_status status = tumorclass_preprocess(session, &input, &volume, options);
    tumorclass_image_free(input);
    return status;
}

static tumorclass_status draw_map(const void *options)
{
    return tumorclass_attention(session, map, VOXELS, NULL, result, 0, options);
}

static tumorclass_status create_stream(const void *options)
{
    tumorclass_stream *stream;
    const tumorclass_status status = tumorclass_stream_create(&stream, session, options);
    tumorclass_stream_free(stream);
    return status;
}

static tumorclass_status push_item(const void *item)
{
    tumorclass_stream *stream;
    ck_assert_int_eq(tumorclass_stream_create(&stream, session, NULL), TUMORCLASS_OK);
    const tumorclass_status status = tumorclass_stream_push(stream, item);
    tumorclass_stream_free(stream);
    return status;
}

static const struct {
    const char *name;
    size_t size, first_size; /* today's, and that of the release that brought it */
    tumorclass_status (*call)(const void *options);
} takers[] = {
    { "image_options", sizeof(tumorclass_image_options), 24, read_image },
    { "model_options", sizeof(tumorclass_model_options), 40, load_model },
    { "session_options", sizeof(tumorclass_session_options), 56, create_session },
    { "scan_options", sizeof(tumorclass_scan_options), 24, classify },
    { "scan_options", sizeof(tumorclass_scan_options), 24, preprocess },
    { "attention_options", sizeof(tumorclass_attention_options), 16, draw_map },
    { "stream_options", sizeof(tumorclass_stream_options), 24, create_stream },
    { "stream_item", sizeof(tumorclass_stream_item), 64, push_item },
};
enum { TAKERS = sizeof takers / sizeof *takers };

/* Call taker `n` with a block of `size` zeros, but for struct_size, an item's path, and the last byte. */
static tumorclass_status call_with(int n, size_t size, unsigned char last)
{
    unsigned char *options = calloc(1, size);
    const char *path = scan_path;
    if (takers[n].call == push_item) memcpy(options + offsetof(tumorclass_stream_item, path), &path, sizeof path);
    if (last) options[size - 1] = last;
    memcpy(options, &size, sizeof size);
    const tumorclass_status status = takers[n].call(options);
    free(options);
    return status;
}

START_TEST(older_callers_are_served)
{
    open_all();
    ck_assert_msg(call_with(_i, takers[_i].first_size, 0) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    const size_t least = offsetof(tumorclass_stream_item, path) + (takers[_i].call == push_item ? sizeof(char *) : 0);
    ck_assert_msg(call_with(_i, least, 0) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    close_all();
}
END_TEST

START_TEST(newer_callers_are_served_as_long_as_they_ask_for_nothing_new)
{
    open_all();
    ck_assert_msg(call_with(_i, takers[_i].size + 8, 0) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    ck_assert_msg(call_with(_i, takers[_i].size + 1000, 0) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    close_all();
}
END_TEST

START_TEST(newer_callers_that_ask_for_something_new_are_refused)
{
    open_all();
    char sentence[160];
    for (size_t tail = 1; tail <= 64; tail *= 8) {
        ck_assert_int_eq(call_with(_i, takers[_i].size + tail, 1), TUMORCLASS_NEWER_CALLER);
        snprintf(sentence, sizeof sentence, "%s sets byte %zu, this library knows %zu: it is older than the caller",
                 takers[_i].name, takers[_i].size + tail - 1, takers[_i].size);
        ck_assert_str_eq(tumorclass_last_error(), sentence);
    }
    close_all();
}
END_TEST

START_TEST(sizes_that_no_initializer_set_are_refused)
{
    open_all();
    static const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, 65537, SIZE_MAX };
    char sentence[160];
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        size_t options[64] = { sizes[n] };
        ck_assert_int_eq(takers[_i].call(options), TUMORCLASS_BAD_ARGUMENT);
        snprintf(sentence, sizeof sentence, "%s.struct_size is %zu: use its initializer", takers[_i].name, sizes[n]);
        ck_assert_str_eq(tumorclass_last_error(), sentence);
    }
    close_all();
}
END_TEST

/* Every field of these structs that cannot hold every value. */
static const struct {
    int taker;
    size_t offset;
    int32_t value;
    tumorclass_status status;
    const char *sentence;
} bad_fields[] = {
    { 2, offsetof(tumorclass_session_options, backend), 3, TUMORCLASS_BAD_ARGUMENT, "options.backend is 3" },
    { 2, offsetof(tumorclass_session_options, backend), -1, TUMORCLASS_BAD_ARGUMENT, "options.backend is -1" },
    { 2, offsetof(tumorclass_session_options, threads), -1, TUMORCLASS_BAD_ARGUMENT, "options.threads is -1" },
    { 2, offsetof(tumorclass_session_options, threads), 1025, TUMORCLASS_BAD_ARGUMENT, "options.threads is 1025" },
    { 2, offsetof(tumorclass_session_options, log_level), 3, TUMORCLASS_BAD_ARGUMENT, "options.log_level is 3" },
    { 2, offsetof(tumorclass_session_options, instruction_set), 99, TUMORCLASS_BAD_ARGUMENT, "instruction_set is 99" },
    { 2, offsetof(tumorclass_session_options, instruction_set), -1, TUMORCLASS_BAD_ARGUMENT, "instruction_set is -1" },
    { 2, offsetof(tumorclass_session_options, precision), 5, TUMORCLASS_NEWER_CALLER, "options.precision is 5" },
    { 3, offsetof(tumorclass_scan_options, flips), 8, TUMORCLASS_NEWER_CALLER, "scan_options.flips is 8" },
    { 4, offsetof(tumorclass_scan_options, flips), 8, TUMORCLASS_NEWER_CALLER, "scan_options.flips is 8" },
    { 5, offsetof(tumorclass_attention_options, scale), 2, TUMORCLASS_BAD_ARGUMENT, "attention_options.scale is 2" },
    { 5, offsetof(tumorclass_attention_options, method), 4, TUMORCLASS_BAD_ARGUMENT, "attention_options.method is 4" },
    { 5, offsetof(tumorclass_attention_options, method), -1, TUMORCLASS_BAD_ARGUMENT,
      "attention_options.method is -1" },
    { 5, offsetof(tumorclass_attention_options, level), -1, TUMORCLASS_BAD_ARGUMENT, "attention_options.level is -1" },
    { 5, offsetof(tumorclass_attention_options, level), 99, TUMORCLASS_BAD_ARGUMENT, "no attention map at level 99" },
    { 5, offsetof(tumorclass_attention_options, reserved), 1, TUMORCLASS_NEWER_CALLER,
      "attention_options.reserved is 1" },
    { 6, offsetof(tumorclass_stream_options, readers), -1, TUMORCLASS_BAD_ARGUMENT, "stream_options.readers is -1" },
    { 6, offsetof(tumorclass_stream_options, ahead), -1, TUMORCLASS_BAD_ARGUMENT, "stream_options.ahead is -1" },
    { 7, offsetof(tumorclass_stream_item, reserved), 1, TUMORCLASS_NEWER_CALLER, "stream_item.reserved is 1" },
};

START_TEST(fields_out_of_range_are_refused_with_their_value)
{
    open_all();
    for (size_t n = 0; n < sizeof bad_fields / sizeof *bad_fields; n++) {
        const char *path = scan_path;
        unsigned char options[128] = { 0 };
        memcpy(options, &takers[bad_fields[n].taker].size, sizeof(size_t));
        if (takers[bad_fields[n].taker].call == push_item)
            memcpy(options + offsetof(tumorclass_stream_item, path), &path, sizeof path);
        memcpy(options + bad_fields[n].offset, &bad_fields[n].value, sizeof bad_fields[n].value);
        ck_assert_msg(takers[bad_fields[n].taker].call(options) == bad_fields[n].status, "%s", bad_fields[n].sentence);
        ck_assert_msg(strstr(tumorclass_last_error(), bad_fields[n].sentence) != NULL, "%s", tumorclass_last_error());
    }
    close_all();
}
END_TEST

START_TEST(models_in_memory_keep_the_limit)
{
    static const char data[11];
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    options.max_bytes = 10;
    tumorclass_model *loaded = (tumorclass_model *)1;
    ck_assert_int_eq(tumorclass_model_load_memory(&loaded, data, sizeof data, &options), TUMORCLASS_LIMIT);
    ck_assert_str_eq(tumorclass_last_error(), "the model has 11 bytes, the limit is 10");
    ck_assert_ptr_null(loaded);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("options");
    tcase_add_loop_test(cases, older_callers_are_served, 0, TAKERS);
    tcase_add_loop_test(cases, newer_callers_are_served_as_long_as_they_ask_for_nothing_new, 0, TAKERS);
    tcase_add_loop_test(cases, newer_callers_that_ask_for_something_new_are_refused, 0, TAKERS);
    tcase_add_loop_test(cases, sizes_that_no_initializer_set_are_refused, 0, TAKERS);
    tcase_add_test(cases, fields_out_of_range_are_refused_with_their_value);
    tcase_add_test(cases, models_in_memory_keep_the_limit);
    return run_cases(cases, "options");
}
