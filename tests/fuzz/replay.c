/* replay FOLDER...: each file in them through the target that this is linked with. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/files.h"
#include "base/memory.h"
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity)
{
    (void)data, (void)capacity;
    return size;
}

/* In a block of its very size, so that a sanitizer sees a read past the end. */
static void feed(const char *path)
{
    void *data = NULL;
    size_t size = 0;
    if (file_load(&data, &size, path, SIZE_MAX) != TUMORCLASS_OK) return; /* a folder, or an empty file */
    uint8_t *exact = malloc(size);
    for (size_t i = 0; i < size; i++) exact[i] = ((uint8_t *)data)[i];
    memory_free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int feed_folder(const char *folder)
{
    DIR *stream = opendir(folder);
    int count = 0;
    if (!stream) return 0;
    for (struct dirent *entry; (entry = readdir(stream)); count++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        feed(path);
    }
    closedir(stream);
    return count - 2; /* not . and .. */
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) count += feed_folder(argv[i]);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%d files\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
