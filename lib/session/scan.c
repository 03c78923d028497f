/* What a caller gives with a scan: nothing of it is believed before it was looked at. */
#include <math.h>
#include <string.h>
#include "session/session.h"

static tumorclass_status check_volume(const tumorclass_session *session, const tumorclass_volume *volume,
                                      const char *name)
{
    const tumorclass_status status = volume_check(volume, name);
    if (status == TUMORCLASS_OK && volume->memory != TUMORCLASS_MEMORY_HOST)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s lies in CUDA memory, and this session %s", name,
                    session->backend == &cpu_backend ? "runs on the CPU" : "prepares scans on the CPU");
    return status;
}

/* A mask made of another copy of the scan, in another orientation, must not be taken voxel by voxel. */
static tumorclass_status check_mask_grid(const tumorclass_volume *mask, const tumorclass_volume *volume)
{
    for (int i = 0; i < 3; i++)
        if (mask->shape[i] != volume->shape[i])
            return fail(TUMORCLASS_BAD_ARGUMENT, "mask has %lld voxels along axis %d, the scan has %lld",
                        (long long)mask->shape[i], i, (long long)volume->shape[i]);
    const double apart = affine_distance(mask->affine, volume->affine, volume->shape);
    const double step = fmin(volume_step_mm(volume, 0), fmin(volume_step_mm(volume, 1), volume_step_mm(volume, 2)));
    if (!(apart <= 0.5 * step))
        return fail(TUMORCLASS_BAD_ARGUMENT,
                    "mask lies on another grid: a corner is %.4g mm from the scan's, which is over half a voxel of "
                    "%.4g mm",
                    apart, step);
    return TUMORCLASS_OK;
}

static tumorclass_status check_mask(const tumorclass_session *session, const tumorclass_volume *mask,
                                    const tumorclass_volume *volume)
{
    bool placed_itself = false;
    for (int i = 0; i < 12; i++) placed_itself = placed_itself || mask->affine[i] != 0;
    tumorclass_volume placed = *mask;
    if (!placed_itself) memcpy(placed.affine, volume->affine, sizeof placed.affine);
    const tumorclass_status status = check_volume(session, &placed, "mask");
    return status == TUMORCLASS_OK ? check_mask_grid(&placed, volume) : status;
}

tumorclass_status scan_check(tumorclass_scan_options *known, const tumorclass_session *session,
                             const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    enum { ALL_FLIPS = TUMORCLASS_FLIP_LEFT_RIGHT | TUMORCLASS_FLIP_BACK_FRONT | TUMORCLASS_FLIP_DOWN_UP };
    tumorclass_status status = session_enter(session);
    if (status == TUMORCLASS_OK) status = read_options(known, options, sizeof *known, "scan_options");
    if (status == TUMORCLASS_OK && (known->flips & ~(uint32_t)ALL_FLIPS))
        status = fail(TUMORCLASS_NEWER_CALLER, "scan_options.flips is %u, this library knows bits up to %u",
                      (unsigned)known->flips, (unsigned)ALL_FLIPS);
    if (status == TUMORCLASS_OK) status = check_volume(session, volume, "volume");
    if (status == TUMORCLASS_OK && known->mask) status = check_mask(session, known->mask, volume);
    return status;
}
