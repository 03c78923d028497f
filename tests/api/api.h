/* What the tests of the public interface share: a head in memory, a model, a session, an answer. They see the
 * header and the shared library alone, no internals. */
#ifndef TESTS_API_H
#define TESTS_API_H
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tumorclass/tumorclass.h"

enum { NI = 60, NJ = 72, NK = 50, VOXELS = NI * NJ * NK };

static int16_t voxels[VOXELS];
static tumorclass_volume volume;
static tumorclass_model *model;

/* An ellipsoid with some structure, in an exact background, i fastest, 3 mm. */
static inline void draw_head(void)
{
    for (int k = 0; k < NK; k++)
        for (int j = 0; j < NJ; j++)
            for (int i = 0; i < NI; i++) {
                const double x = (i - 30) / 26.0, y = (j - 36) / 32.0, z = (k - 25) / 22.0;
                const double radius = x * x + y * y + z * z;
                voxels[(k * NJ + j) * NI + i] = (int16_t)(radius < 1 ? 300 + 200 * radius + 30 * sin(i * 0.7 + j) : 0);
            }
    volume = (tumorclass_volume){
        .data = voxels,
        .dtype = TUMORCLASS_I16,
        .shape = { NI, NJ, NK },
        .strides = { 1, NI, NI * NJ },
        .affine = { 3, 0, 0, -90, 0, 3, 0, -108, 0, 0, 3, -75 },
    };
}

static inline void set_up(void)
{
    draw_head();
    ck_assert_msg(tumorclass_model_load(&model, UNTRAINED_MODEL, NULL) == TUMORCLASS_OK, "%s", tumorclass_last_error());
}

static inline void tear_down(void)
{
    tumorclass_model_free(model);
}

static inline tumorclass_session *session_with_threads(int32_t threads)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = threads;
    tumorclass_session *session;
    ck_assert_msg(tumorclass_session_create(&session, model, &options) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return session;
}

static inline tumorclass_result *classified(tumorclass_session *session)
{
    tumorclass_result *result;
    ck_assert_msg(tumorclass_classify(session, &result, &volume, NULL) == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return result;
}
static inline int run_cases(TCase *cases, const char *name)
{
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 120);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
