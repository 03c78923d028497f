#include "subject.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "columns.h"

const char *const stage_names[STAGES] = { "head", "lesion", "warp", "paint", "acquire", "write" };

/* Less than that of a tumour cannot be seen, nor called by its name. */
static const double least_ml = 0.03;

/* All that one scan is made with. */
struct work {
    const struct study *study;
    const struct anatomy *anatomy;
    struct subject subject;
    struct outcome *outcome;
    int attempt;
    struct acquisition acquisition;
    struct look look;
    struct head head;
    struct warp warp;
    struct lesion lesion;
    struct scan scan;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Note what has passed since *start, and start anew. */
static void note(struct outcome *outcome, enum stage stage, double *start)
{
    const double now = seconds_now();
    outcome->seconds[stage] += now - *start;
    *start = now;
}

static bool fail(struct work *work, int code, const char *sentence)
{
    work->outcome->code = code;
    snprintf(work->outcome->sentence, sizeof work->outcome->sentence, "sub-%06d: %s", work->subject.number, sentence);
    return false;
}

static bool no_memory(struct work *work)
{
    return fail(work, MODEL_FAILED, "no memory for this scan: fewer --threads need less");
}

/* ---- Drawing ---- */

/* Head, warp, look and acquisition: all that follows from the scan's seed. */
static bool begin_scan(struct work *work)
{
    const uint64_t seed = scan_seed(&work->subject, work->attempt);
    struct acquisition_rules rules;
    double contrast, start = seconds_now();
    plan_acquisition(&rules, &contrast, &work->study->plan, &work->subject);
    acquisition_draw(&work->acquisition, &rules, contrast, seed);
    look_draw(&work->look, seed, work->acquisition.grey_white, work->acquisition.fat);
    if (!head_create(&work->head, work->anatomy, seed)) return no_memory(work);
    note(work->outcome, STAGE_HEAD, &start);
    if (!warp_create(&work->warp, work->anatomy, seed)) {
        head_free(&work->head);
        return no_memory(work);
    }
    note(work->outcome, STAGE_WARP, &start);
    return true;
}

static void end_scan(struct work *work)
{
    warp_free(&work->warp);
    head_free(&work->head);
}

/* Paint head and lesion, and take the scan. */
static bool take_scan(struct work *work, const struct lesion *lesion)
{
    const uint64_t seed = scan_seed(&work->subject, work->attempt);
    struct picture picture;
    float centre[3];
    double start = seconds_now();
    warp_inverse(centre, &work->warp, lesion->centre);
    const struct grid grid = acquisition_grid(&work->acquisition, work->anatomy, &work->warp, centre);
    if (!picture_paint(&picture, &grid, &work->head, lesion, &work->warp, &work->look, work->acquisition.strength,
                       seed))
        return no_memory(work);
    note(work->outcome, STAGE_PAINT, &start);
    const bool taken = scan_acquire(&work->scan, &work->acquisition, &picture, seed);
    picture_free(&picture);
    note(work->outcome, STAGE_ACQUIRE, &start);
    return taken || no_memory(work);
}

static bool draw_lesion(struct work *work, enum entity entity, int attempt)
{
    double start = seconds_now();
    if (!lesion_create(&work->lesion, &work->head, entity, lesion_seed(&work->subject, attempt)))
        return no_memory(work);
    note(work->outcome, STAGE_LESION, &start);
    return true;
}

/* ---- Writing ---- */

static bool write_volume(struct work *work, char *path, const tumorclass_volume *volume)
{
    if (!path) return no_memory(work);
    const tumorclass_status status = tumorclass_image_write(path, volume, 1, NULL);
    free(path);
    return status == TUMORCLASS_OK || fail(work, OUTPUT_FAILED, tumorclass_last_error());
}

static bool write_scan(struct work *work)
{
    const struct settings *settings = work->study->settings;
    const struct subject *subject = &work->subject;
    const bool twin = subject->twin, masked = !twin && subject->entity != HLTH && !settings->no_masks;
    double start = seconds_now();
    char *folder = subject_folder(settings, subject->number, twin);
    const bool made = folder && make_folders(folder);
    free(folder);
    if (!made) return fail(work, OUTPUT_FAILED, strerror(errno));
    if (masked && !write_volume(work, mask_path(settings, subject->number), &work->scan.mask)) return false;
    const bool contrast = work->acquisition.strength > 0;
    if (!write_volume(work, scan_path(settings, subject->number, twin, contrast), &work->scan.volume)) return false;
    note(work->outcome, STAGE_WRITE, &start);
    return true;
}

static char *row_of(struct work *work, int foci)
{
    const struct facts facts = { &work->subject, work->anatomy, &work->acquisition, &work->scan, work->attempt, foci };
    char *row = columns_row(&facts);
    if (!row) no_memory(work);
    return row;
}

/* Write the scan that was taken, and free it. */
static bool keep_scan(struct work *work, char **row, int foci)
{
    const bool kept = write_scan(work) && (*row = row_of(work, foci));
    scan_free(&work->scan);
    return kept;
}

/* ---- One subject ---- */

/* The same head and scan, round the same place, without the tumour. */
static bool write_twin(struct work *work)
{
    struct lesion tumour = work->lesion;
    bool written = draw_lesion(work, HLTH, work->attempt);
    if (written) {
        memcpy(work->lesion.centre, tumour.centre, sizeof tumour.centre);
        work->subject.twin = true;
        written = take_scan(work, &work->lesion) && keep_scan(work, &work->outcome->twin, 0);
        work->subject.twin = false;
        lesion_free(&work->lesion);
    }
    work->lesion = tumour;
    return written;
}

/* Draw tumours for this head and scan until one is seen in it. false: none was, or the outcome has a sentence. */
static bool try_lesions(struct work *work)
{
    const bool healthy = work->subject.entity == HLTH;
    for (int last = work->attempt + ATTEMPTS; work->attempt < last; work->attempt++) {
        if (!draw_lesion(work, work->subject.entity, work->attempt)) return false;
        const bool taken = take_scan(work, &work->lesion);
        if (taken && (healthy || work->scan.lesion_ml >= least_ml)) return true;
        if (taken) scan_free(&work->scan);
        lesion_free(&work->lesion);
        if (!taken) return false;
    }
    return false;
}

void subject_write(struct outcome *outcome, const struct study *study, int number)
{
    enum { MOST_SCANS = 20 };
    *outcome = (struct outcome){ .code = ANSWERED };
    struct work work = { .study = study, .outcome = outcome, .attempt = 1 };
    plan_subject(&work.subject, &study->plan, number, (enum entity)study->entities[number - 1]);
    work.anatomy = &study->anatomies[work.subject.anatomy];
    bool seen = false;
    for (int scan = 0; scan < MOST_SCANS && !seen && outcome->code == ANSWERED; scan++) {
        if (!begin_scan(&work)) return;
        seen = try_lesions(&work);
        if (seen && keep_scan(&work, &outcome->row, work.lesion.foci) && study->settings->twins &&
            work.subject.entity != HLTH)
            write_twin(&work);
        if (seen) lesion_free(&work.lesion);
        end_scan(&work);
    }
    if (!seen && outcome->code == ANSWERED) fail(&work, SCAN_FAILED, "no scan of this head shows its tumour");
    if (outcome->code == ANSWERED) return;
    free(outcome->row);
    free(outcome->twin);
    outcome->row = outcome->twin = NULL;
}
