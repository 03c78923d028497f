#include "stream/item.h"
#include "base/files.h"
#include "base/memory.h"
#include "session/session.h"

/* ---- What the caller asks for ---- */

static tumorclass_status check_source(const tumorclass_stream_item *pushed)
{
    if (pushed->reserved)
        return fail(TUMORCLASS_NEWER_CALLER, "stream_item.reserved is %d, this library knows only 0",
                    (int)pushed->reserved);
    if (!pushed->path && !pushed->volume)
        return fail(TUMORCLASS_BAD_ARGUMENT, "stream_item has neither a path nor a volume");
    if (pushed->path && pushed->volume)
        return fail(TUMORCLASS_BAD_ARGUMENT, "stream_item has both a path (%s) and a volume", base_name(pushed->path));
    return TUMORCLASS_OK;
}

static tumorclass_status copy_options(struct item *item, const tumorclass_stream_item *pushed)
{
    tumorclass_status status = read_options(&item->scan, pushed->scan, sizeof item->scan, "scan_options");
    if (status == TUMORCLASS_OK)
        status = read_options(&item->attention, pushed->attention, sizeof item->attention, "attention_options");
    if (status != TUMORCLASS_OK) return status;
    if (item->scan.mask && pushed->mask_path)
        return fail(TUMORCLASS_BAD_ARGUMENT, "stream_item has two masks: mask_path (%s) and scan->mask",
                    base_name(pushed->mask_path));
    item->wants_map = pushed->attention != NULL;
    item->attention_class = pushed->attention_class;
    item->user = pushed->user;
    return TUMORCLASS_OK;
}

/* The structs are the item's own; the voxels behind them stay the caller's. */
static tumorclass_status copy_source(struct item *item, const tumorclass_stream_item *pushed)
{
    if (pushed->volume) item->voxels = *pushed->volume;
    if (item->scan.mask) {
        item->mask = *item->scan.mask;
        item->scan.mask = &item->mask;
    }
    if (pushed->path) item->path = memory_string(pushed->path);
    if (pushed->mask_path) item->mask_path = memory_string(pushed->mask_path);
    if ((pushed->path && !item->path) || (pushed->mask_path && !item->mask_path))
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the path of a stream's item");
    return TUMORCLASS_OK;
}

tumorclass_status item_create(struct item **item, const tumorclass_stream_item *pushed)
{
    *item = NULL;
    tumorclass_stream_item known;
    tumorclass_status status = read_options(&known, pushed, sizeof known, "stream_item");
    if (status == TUMORCLASS_OK) status = check_source(&known);
    if (status != TUMORCLASS_OK) return status;

    struct item *it = memory_zeroed(1, sizeof *it);
    if (!it) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a stream's item");
    status = copy_options(it, &known);
    if (status == TUMORCLASS_OK) status = copy_source(it, &known);
    if (status != TUMORCLASS_OK) {
        item_free(it);
        return status;
    }
    *item = it;
    return TUMORCLASS_OK;
}

/* ---- What comes of it ---- */

static void drop_map(struct item *item)
{
    memory_free(item->map);
    memory_free(item->summaries);
    item->map = NULL;
    item->summaries = NULL;
    item->map_size = 0;
}

static void drop_mask_image(struct item *item)
{
    tumorclass_image_free(item->mask_image);
    item->mask_image = NULL;
}

void item_free(struct item *item)
{
    if (!item) return;
    drop_map(item);
    drop_mask_image(item);
    tumorclass_result_free(item->result);
    tumorclass_image_free(item->image);
    memory_free(item->error);
    memory_free(item->path);
    memory_free(item->mask_path);
    memory_free(item);
}

static void keep_sentence(struct item *item, const char *sentence)
{
    memory_free(item->error);
    item->error = memory_string(sentence);
}

/* The sentence of a failure belongs to this thread; the answer is read on another. */
static void keep_failure(struct item *item)
{
    keep_sentence(item, tumorclass_last_error());
}

void item_read(struct item *item, const tumorclass_image_options *options)
{
    const double start = session_seconds();
    if (item->path) item->status = tumorclass_image_read(&item->image, item->path, options);
    if (item->status == TUMORCLASS_OK && item->mask_path)
        item->status = tumorclass_image_read(&item->mask_image, item->mask_path, options);
    if (item->status == TUMORCLASS_OK && item->mask_path) item->scan.mask = tumorclass_image_volume(item->mask_image);
    if (item->status != TUMORCLASS_OK) keep_failure(item);
    item->read_seconds = session_seconds() - start;
}

static const tumorclass_volume *scan_of(const struct item *item)
{
    return item->image ? tumorclass_image_volume(item->image) : &item->voxels;
}

static tumorclass_status allocate_map(struct item *item, size_t maps)
{
    const int64_t voxels = multiply_extents(scan_of(item)->shape, 3);
    if (voxels > 0 && multiply_sizes(&item->map_size, (size_t)voxels, maps))
        item->map = memory_allocate(item->map_size, sizeof *item->map);
    item->summaries = memory_allocate(maps, sizeof *item->summaries);
    if (!item->map || !item->summaries)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu attention map%s", maps, maps == 1 ? "" : "s");
    return TUMORCLASS_OK;
}

/* A network without maps, or a class that is none, does not take the answer away. */
static void make_map(struct item *item, tumorclass_session *session)
{
    const double start = session_seconds();
    size_t maps = 1;
    if (item->attention_class == TUMORCLASS_ALL_CLASSES) tumorclass_result_probabilities(item->result, &maps);
    item->attention_status = allocate_map(item, maps);
    if (item->attention_status == TUMORCLASS_OK)
        item->attention_status = tumorclass_attention(session, item->map, item->map_size, item->summaries, item->result,
                                                      item->attention_class, &item->attention);
    if (item->attention_status != TUMORCLASS_OK) {
        keep_failure(item);
        drop_map(item);
    }
    item->attention_seconds = session_seconds() - start;
}

void item_run(struct item *item, tumorclass_session *session)
{
    if (item->status != TUMORCLASS_OK) return;
    const double start = session_seconds();
    item->status = tumorclass_classify(session, &item->result, scan_of(item), &item->scan);
    item->run_seconds = session_seconds() - start;
    if (item->status != TUMORCLASS_OK) keep_failure(item);
    if (item->status == TUMORCLASS_OK && item->wants_map) make_map(item, session);
    drop_mask_image(item);
}

void item_cancel(struct item *item)
{
    item->status = TUMORCLASS_CANCELLED;
    item->attention_status = TUMORCLASS_OK;
    keep_sentence(item, "the stream was cancelled before this answer was taken");
    drop_map(item);
    tumorclass_result_free(item->result);
    item->result = NULL;
}

static const char *sentence_of(const struct item *item)
{
    if (item->status == TUMORCLASS_OK && item->attention_status == TUMORCLASS_OK) return "";
    return item->error ? item->error : "no memory for the sentence that says why";
}

void item_answer(tumorclass_stream_answer *answer, const struct item *item)
{
    *answer = (tumorclass_stream_answer){
        .index = item->index,
        .user = item->user,
        .status = item->status,
        .attention_status = item->attention_status,
        .error = sentence_of(item),
        .name = item->path ? base_name(item->path) : "",
        .image = item->image,
        .result = item->result,
        .map = item->map,
        .map_size = item->map_size,
        .summaries = item->summaries,
        .read_seconds = item->read_seconds,
        .run_seconds = item->run_seconds,
        .attention_seconds = item->attention_seconds,
    };
}
