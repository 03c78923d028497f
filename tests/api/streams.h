/* What the tests of streams share: scans in files of a folder of their own, items pushed, answers taken. */
#ifndef TESTS_STREAMS_H
#define TESTS_STREAMS_H
#include "api.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CLASSES = 7 };

/* ---- Scans in files, in a folder of the test's own ---- */

static char folder[] = "/tmp/test_streams.XXXXXX";

static inline void enter_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void leave_folder(void)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.') remove(in_folder(entry->d_name));
    closedir(entries);
    rmdir(folder);
}

/* Another head for each n: the spot wanders. */
static inline void draw_spot(int n)
{
    draw_head();
    const int i0 = 20 + n % 5 * 4, j0 = 20 + n % 7 * 4, k0 = 15 + n % 4 * 4;
    for (int k = k0; k < k0 + 6; k++)
        for (int j = j0; j < j0 + 8; j++)
            for (int i = i0; i < i0 + 8; i++) voxels[(k * NJ + j) * NI + i] = 900;
}

static inline const char *write_scan(const char *name, int n)
{
    draw_spot(n);
    const char *path = in_folder(name);
    ck_assert_int_eq(tumorclass_image_write(path, &volume, 1, NULL), TUMORCLASS_OK);
    return path;
}

/* A brain mask that is not what the library would find: the middle of the head. */
static uint8_t mask_voxels[VOXELS];
static inline tumorclass_volume draw_mask(void)
{
    for (int n = 0; n < VOXELS; n++) {
        const double x = (n % NI - 30) / 20.0, y = (n / NI % NJ - 36) / 24.0, z = (n / NI / NJ - 25) / 16.0;
        mask_voxels[n] = x * x + y * y + z * z < 1;
    }
    tumorclass_volume mask = volume;
    mask.data = mask_voxels;
    mask.dtype = TUMORCLASS_U8;
    return mask;
}

static inline void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    fputs(text, file);
    fclose(file);
}

/* ---- Time ---- */

/* Of all threads: what the machine does beside does not count. */
static inline double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static inline void alarm_in(int ms)
{
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, ms * 1000 } }, NULL);
}

/* ---- Streams ---- */

static inline tumorclass_stream *stream_of(tumorclass_session *session, int32_t readers, int32_t ahead)
{
    tumorclass_stream_options options = TUMORCLASS_STREAM_OPTIONS_INIT;
    options.readers = readers;
    options.ahead = ahead;
    tumorclass_stream *stream;
    ck_assert_msg(tumorclass_stream_create(&stream, session, &options) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return stream;
}

static inline void push(tumorclass_stream *stream, const tumorclass_stream_item *item)
{
    ck_assert_msg(tumorclass_stream_push(stream, item) == TUMORCLASS_OK, "%s", tumorclass_last_error());
}

static inline void push_path(tumorclass_stream *stream, const char *path)
{
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    item.path = path;
    push(stream, &item);
}

static inline void push_volume(tumorclass_stream *stream)
{
    tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
    item.volume = &volume;
    push(stream, &item);
}

static inline tumorclass_stream_answer next(tumorclass_stream *stream)
{
    tumorclass_stream_answer answer;
    ck_assert_msg(tumorclass_stream_next(stream, &answer) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return answer;
}

/* What one item gives when it goes through the session alone. */
struct expected {
    float logits[CLASSES];
    size_t map_size;
    float *map;
    tumorclass_attention_summary summaries[CLASSES];
};

static inline struct expected alone(tumorclass_session *session, const tumorclass_stream_item *item)
{
    struct expected expected = { .map_size = 0 };
    tumorclass_image *image = NULL, *mask = NULL;
    tumorclass_scan_options scan = TUMORCLASS_SCAN_OPTIONS_INIT;
    if (item->scan) scan = *item->scan;
    if (item->path) ck_assert_int_eq(tumorclass_image_read(&image, item->path, NULL), TUMORCLASS_OK);
    if (item->mask_path) {
        ck_assert_int_eq(tumorclass_image_read(&mask, item->mask_path, NULL), TUMORCLASS_OK);
        scan.mask = tumorclass_image_volume(mask);
    }
    tumorclass_result *result;
    ck_assert_int_eq(
        tumorclass_classify(session, &result, image ? tumorclass_image_volume(image) : item->volume, &scan),
        TUMORCLASS_OK);
    memcpy(expected.logits, tumorclass_result_logits(result, NULL), sizeof expected.logits);
    if (item->attention) {
        const bool all = item->attention_class == TUMORCLASS_ALL_CLASSES;
        const int32_t class_index = item->attention_class == TUMORCLASS_PREDICTED_CLASS
                                        ? tumorclass_result_class(result)
                                        : item->attention_class;
        expected.map_size = (all ? CLASSES : 1) * (size_t)VOXELS;
        expected.map = malloc(expected.map_size * sizeof(float));
        ck_assert_int_eq(tumorclass_attention(session, expected.map, expected.map_size, expected.summaries, result,
                                              class_index, item->attention),
                         TUMORCLASS_OK);
    }
    tumorclass_result_free(result);
    tumorclass_image_free(image);
    tumorclass_image_free(mask);
    return expected;
}

static inline void expect_same(const tumorclass_stream_answer *answer, const struct expected *expected)
{
    ck_assert_msg(answer->status == TUMORCLASS_OK, "item %d: %s", (int)answer->index, answer->error);
    ck_assert_int_eq(answer->attention_status, TUMORCLASS_OK);
    ck_assert_str_eq(answer->error, "");
    ck_assert_mem_eq(tumorclass_result_logits(answer->result, NULL), expected->logits, sizeof expected->logits);
    ck_assert_uint_eq(answer->map_size, expected->map_size);
    ck_assert_int_eq(answer->map != NULL, expected->map != NULL);
    if (!expected->map) return;
    ck_assert_mem_eq(answer->map, expected->map, expected->map_size * sizeof(float));
    ck_assert_mem_eq(answer->summaries, expected->summaries,
                     expected->map_size / VOXELS * sizeof(tumorclass_attention_summary));
    ck_assert(answer->attention_seconds > 0);
}

static inline void expect_failure(tumorclass_stream *stream, tumorclass_status status, const char *words)
{
    const tumorclass_stream_answer answer = next(stream);
    ck_assert_int_eq(answer.status, status);
    ck_assert_msg(strstr(answer.error, words) != NULL, "\"%s\" has no \"%s\"", answer.error, words);
    ck_assert_ptr_null(answer.result);
    ck_assert_ptr_null(answer.map);
    ck_assert_uint_eq(answer.map_size, 0);
    ck_assert_int_eq(answer.attention_status, TUMORCLASS_OK);
}

#endif
