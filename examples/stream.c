/* stream SCAN.nii.gz...: one line a scan. Files are read while others run; a file that fails stops none of the others.
 *     cc stream.c $(pkg-config --cflags --libs tumorclass) */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tumorclass/tumorclass.h>

static tumorclass_stream *stream;

static void interrupt(int number)
{
    (void)number;
    tumorclass_stream_cancel(stream);
}

static int stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, tumorclass_last_error());
    return EXIT_FAILURE;
}

static int print(const char *path, const tumorclass_stream_answer *answer, const tumorclass_model *model)
{
    if (answer->status) {
        printf("%s: %s: %s\n", path, tumorclass_status_name(answer->status), answer->error);
        return EXIT_FAILURE;
    }
    const int32_t found = tumorclass_result_class(answer->result);
    printf("%s: %s, %.1f %%", path, tumorclass_model_class_name(model, found),
           100 * tumorclass_result_probabilities(answer->result, NULL)[found]);
    if (answer->map) {
        const double *peak = answer->summaries[0].peak_mm;
        printf(", attention peaks at %.0f, %.0f, %.0f mm", peak[0], peak[1], peak[2]);
    }
    printf(" (%.2f s)\n", answer->read_seconds + answer->run_seconds + answer->attention_seconds);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    tumorclass_model *model;
    tumorclass_session *session;
    if (tumorclass_model_load(&model, NULL, NULL)) return stop("model");
    if (tumorclass_session_create(&session, model, NULL)) return stop("session");
    if (tumorclass_stream_create(&stream, session, NULL)) return stop("stream");
    signal(SIGINT, interrupt); /* what has no answer yet then ends with CANCELLED */

    const tumorclass_attention_options attention = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    for (int i = 1; i < argc; i++) {
        tumorclass_stream_item item = TUMORCLASS_STREAM_ITEM_INIT;
        item.path = argv[i];
        item.attention = &attention;
        item.attention_class = TUMORCLASS_PREDICTED_CLASS;
        item.user = argv[i];
        if (tumorclass_stream_push(stream, &item)) return stop(argv[i]);
    }
    int code = EXIT_SUCCESS;
    while (tumorclass_stream_pending(stream)) {
        tumorclass_stream_answer answer;
        if (tumorclass_stream_next(stream, &answer)) return stop("next");
        code |= print(answer.user, &answer, model);
    }
    puts("Research use, not for diagnosis.");

    signal(SIGINT, SIG_DFL);
    tumorclass_stream_free(stream);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
    return code;
}
