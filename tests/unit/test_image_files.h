/* NIfTI files for tests, byte by byte from the standard's table of offsets and not with the library's own code. */
#ifndef TESTS_TEST_IMAGE_FILES_H
#define TESTS_TEST_IMAGE_FILES_H
#include "support.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include "base/files.h"
#include "base/memory.h"
#include "image/image.h"

/* Offsets of fields in version 1 and 2, and their kind there: i, h, q integers of 4, 2, 8 bytes; f, d floats; c char. */
struct field {
    int offset[2];
    char kind[2];
};
#define DIM(n) ((struct field){ { 40 + 2 * (n), 16 + 8 * (n) }, { 'h', 'q' } })
#define INTENT_CODE ((struct field){ { 68, 504 }, { 'h', 'i' } })
#define DATATYPE ((struct field){ { 70, 12 }, { 'h', 'h' } })
#define BITPIX ((struct field){ { 72, 14 }, { 'h', 'h' } })
#define PIXDIM(n) ((struct field){ { 76 + 4 * (n), 104 + 8 * (n) }, { 'f', 'd' } })
#define VOX_OFFSET ((struct field){ { 108, 168 }, { 'f', 'q' } })
#define SCL_SLOPE ((struct field){ { 112, 176 }, { 'f', 'd' } })
#define SCL_INTER ((struct field){ { 116, 184 }, { 'f', 'd' } })
#define XYZT_UNITS ((struct field){ { 123, 500 }, { 'c', 'i' } })
#define QFORM_CODE ((struct field){ { 252, 344 }, { 'h', 'i' } })
#define SFORM_CODE ((struct field){ { 254, 348 }, { 'h', 'i' } })
#define QUATERN(n) ((struct field){ { 256 + 4 * (n), 352 + 8 * (n) }, { 'f', 'd' } }) /* b, c, d, then x, y, z */
#define SROW(n) ((struct field){ { 280 + 4 * (n), 400 + 8 * (n) }, { 'f', 'd' } })    /* n counts through the rows */

struct nifti_file {
    int version; /* 1 or 2 */
    bool swapped;
    size_t size;
    unsigned char bytes[8192];
};

static inline void put(struct nifti_file *file, size_t offset, const void *value, size_t size)
{
    const unsigned char *from = value;
    for (size_t n = 0; n < size; n++) file->bytes[offset + n] = from[file->swapped ? size - 1 - n : n];
}

static inline void set(struct nifti_file *file, struct field field, double value)
{
    const size_t offset = (size_t)field.offset[file->version - 1];
    const float as_float = (float)value;
    switch (field.kind[file->version - 1]) {
    case 'c': put(file, offset, &(int8_t){ (int8_t)value }, 1); break;
    case 'h': put(file, offset, &(int16_t){ (int16_t)value }, 2); break;
    case 'i': put(file, offset, &(int32_t){ (int32_t)value }, 4); break;
    case 'q': put(file, offset, &(int64_t){ (int64_t)value }, 8); break;
    case 'f': put(file, offset, &as_float, 4); break;
    default: put(file, offset, &value, 8); break;
    }
}

static inline size_t data_offset(const struct nifti_file *file)
{
    return file->version == 1 ? 352 : 544;
}

/* int16, 4 x 3 x 2 voxels of 2 x 3 x 4 mm, sform code 1 with origin (-10, -20, -30); voxel n holds 100 * n. */
static inline struct nifti_file make_file(int version, bool swapped)
{
    static const double sform[12] = { 2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30 };
    struct nifti_file file = { .version = version, .swapped = swapped };
    put(&file, 0, &(int32_t){ version == 1 ? 348 : 540 }, 4);
    memcpy(file.bytes + (version == 1 ? 344 : 4), version == 1 ? "n+1" : "n+2\0\r\n\032\n", version == 1 ? 4 : 8);
    for (int n = 0; n < 8; n++) set(&file, DIM(n), n == 0 ? 3 : n > 3 ? 1 : 5 - n);
    for (int n = 0; n < 8; n++) set(&file, PIXDIM(n), n > 3 || n == 0 ? 1 : n + 1);
    set(&file, DATATYPE, 4);
    set(&file, BITPIX, 16);
    set(&file, VOX_OFFSET, (double)data_offset(&file));
    set(&file, XYZT_UNITS, 2);
    set(&file, SFORM_CODE, 1);
    for (int n = 0; n < 12; n++) set(&file, SROW(n), sform[n]);
    for (int n = 0; n < 24; n++) put(&file, data_offset(&file) + 2 * (size_t)n, &(int16_t){ (int16_t)(100 * n) }, 2);
    file.size = data_offset(&file) + 48;
    return file;
}

/* ---- A folder of its own for each test ---- */

static char folder[64];

static inline void enter_folder(void)
{
    strcpy(folder, "/tmp/tumorclass-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void leave_folder(void)
{
    char command[192];
    snprintf(command, sizeof command, "chmod 700 %s && rm -r %s", folder, folder);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *in_folder(const char *name)
{
    static _Thread_local char paths[4][160]; /* as many as a test holds at a time */
    static _Thread_local int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *save(const char *name, const void *bytes, size_t size)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static inline size_t load(unsigned char *bytes, size_t size, const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t read = fread(bytes, 1, size, file);
    fclose(file);
    return read;
}

/* One gzip member; its size. */
static inline size_t gzip(unsigned char *dst, size_t room, const unsigned char *src, size_t size)
{
    z_stream z = {
        .next_in = (unsigned char *)(uintptr_t)src, .avail_in = (uInt)size, .next_out = dst, .avail_out = (uInt)room
    };
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static inline tumorclass_image *read_good(const char *path)
{
    tumorclass_image *image;
    const tumorclass_status status = tumorclass_image_read(&image, path, NULL);
    ck_assert_msg(status == TUMORCLASS_OK, "%s", tumorclass_last_error());
    return image;
}

static inline void expect_refusal(const char *path, tumorclass_status status, const char *sentence)
{
    tumorclass_image *image = (tumorclass_image *)folder;
    const int64_t blocks = memory_blocks_in_use();
    ck_assert_int_eq(tumorclass_image_read(&image, path, NULL), status);
    ck_assert_ptr_null(image);
    ck_assert_str_eq(tumorclass_last_error(), sentence);
    ck_assert_int_eq(memory_blocks_in_use(), blocks);
}

static inline float voxel(const tumorclass_image *image, int64_t i, int64_t j, int64_t k)
{
    float value;
    volume_read_line(&value, tumorclass_image_volume(image), (const int64_t[]){ i, j, k }, 0, 1);
    return value;
}

/* The voxels of make_file, whatever the file around them. */
static inline void expect_hundreds(const tumorclass_image *image)
{
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    for (int axis = 0; axis < 3; axis++) ck_assert_int_eq(volume->shape[axis], 4 - axis);
    for (int n = 0; n < 24; n++) ck_assert_float_eq(voxel(image, n % 4, n / 4 % 3, n / 12), 100.0f * (float)n);
}

#endif
