#include "model/external.h"
#include "base/files.h"
#include "base/memory.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refuses what could only lead out of the folder, before any file is touched. */
static bool is_inside_by_name(struct text location)
{
    if (!location.size || location.data[0] == '/') return false;
    for (size_t i = 0; i + 1 < location.size; i++) {
        const bool starts = i == 0 || location.data[i - 1] == '/';
        const bool ends = i + 2 == location.size || location.data[i + 2] == '/';
        if (starts && ends && location.data[i] == '.' && location.data[i + 1] == '.') return false;
    }
    return true;
}

static tumorclass_status fail_location(const struct onnx_tensor *tensor, tumorclass_status status, const char *why)
{
    return fail(status, "%.*s lies in the file \"%.*s\", %s", text_shown(tensor->name), tensor->name.data,
                text_shown(tensor->location), tensor->location.data, why);
}

/* Resolve links on both sides: the file must be below the folder as the system sees it. */
static tumorclass_status locate(char path[PATH_MAX], const struct onnx_tensor *tensor, const char *folder)
{
    char joined[PATH_MAX], root[PATH_MAX];
    if (!is_inside_by_name(tensor->location))
        return fail_location(tensor, TUMORCLASS_BAD_MODEL, "which is no place inside the model's folder");
    if (tensor->location.size >= PATH_MAX || snprintf(joined, sizeof joined, "%s/%.*s", folder,
                                                      (int)tensor->location.size, tensor->location.data) >= PATH_MAX)
        return fail_location(tensor, TUMORCLASS_BAD_MODEL, "a name that is too long");
    if (!realpath(folder, root) || !realpath(joined, path))
        return fail_location(tensor, errno == ENOMEM ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_IO_ERROR, strerror(errno));

    const size_t length = strcmp(root, "/") ? strlen(root) : 0;
    if (strncmp(path, root, length) || path[length] != '/')
        return fail_location(tensor, TUMORCLASS_BAD_MODEL, "a link that leads out of the model's folder");
    return TUMORCLASS_OK;
}

static tumorclass_status read_part(void **data, const struct onnx_tensor *tensor, const struct input *file, size_t size)
{
    const uint64_t left = tensor->offset < file->size ? file->size - tensor->offset : 0;
    const uint64_t length = tensor->length == UINT64_MAX ? left : tensor->length;
    if (length != size)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s has %llu bytes of external data, its shape needs %zu",
                    text_shown(tensor->name), tensor->name.data, (unsigned long long)length, size);
    if (length > left)
        return fail(TUMORCLASS_BAD_MODEL, "%.*s ends at byte %llu + %zu of \"%.*s\", which has %llu",
                    text_shown(tensor->name), tensor->name.data, (unsigned long long)tensor->offset, size,
                    text_shown(tensor->location), tensor->location.data, (unsigned long long)file->size);
    *data = memory_allocate(size, 1);
    if (!*data) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu bytes of weights", size);
    return file_read(file, *data, tensor->offset, size);
}

tumorclass_status external_read(void **data, const struct onnx_tensor *tensor, const char *folder, size_t size)
{
    *data = NULL;
    if (!folder) return fail_location(tensor, TUMORCLASS_BAD_MODEL, "and a model in memory has no folder");

    char path[PATH_MAX];
    struct input file;
    tumorclass_status status = locate(path, tensor, folder);
    if (status == TUMORCLASS_OK) status = file_open(&file, path);
    if (status != TUMORCLASS_OK) return status;
    status = file_close(&file, read_part(data, tensor, &file, size));
    if (status == TUMORCLASS_OK) return status;
    memory_free(*data);
    *data = NULL;
    return fail_within(status, "%s", base_name(path));
}
