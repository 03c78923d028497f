#include "mutate_nifti.h"
#include <stdbool.h>
#include <string.h>
#include "random.h"

/* Where a field lies in versions 1 and 2 and what it is there: c, h, i, q integers of 1, 2, 4, 8 bytes; f, d floats. */
static const struct field {
    const char *name;
    int count;
    int offset[2];
    char kind[2];
} fields[] = {
    { "sizeof_hdr", 1, { 0, 0 }, "ii" },     { "dim", 8, { 40, 16 }, "hq" },
    { "datatype", 1, { 70, 12 }, "hh" },     { "bitpix", 1, { 72, 14 }, "hh" },
    { "pixdim", 8, { 76, 104 }, "fd" },      { "vox_offset", 1, { 108, 168 }, "fq" },
    { "scl_slope", 1, { 112, 176 }, "fd" },  { "scl_inter", 1, { 116, 184 }, "fd" },
    { "xyzt_units", 1, { 123, 500 }, "ci" }, { "intent_code", 1, { 68, 504 }, "hi" },
    { "qform_code", 1, { 252, 344 }, "hi" }, { "sform_code", 1, { 254, 348 }, "hi" },
    { "quatern", 3, { 256, 352 }, "fd" },    { "qoffset", 3, { 268, 376 }, "fd" },
    { "srow", 12, { 280, 400 }, "fd" },      { "cal_max", 2, { 124, 192 }, "fd" },
    { "slice_start", 2, { 74, 224 }, "hq" },
};
enum { FIELDS = sizeof fields / sizeof *fields, DIM = 1, DATATYPE = 2, BITPIX = 3, VOX_OFFSET = 5 };

static const int header_size[2] = { 348, 540 };

struct header {
    uint8_t *bytes; /* at least header_size[version] */
    int version;    /* 0 or 1 */
    bool swapped;
};

static struct header find_header(uint8_t *bytes)
{
    const bool first = !bytes[0] && !bytes[1]; /* the largest byte is first */
    const int low = bytes[first ? 3 : 0], high = bytes[first ? 2 : 1];
    return (struct header){ bytes, low + 256 * high == header_size[1], first };
}

static size_t size_of(char kind)
{
    return kind == 'c' ? 1 : kind == 'h' ? 2 : kind == 'i' || kind == 'f' ? 4 : 8;
}

static uint8_t *place(const struct header *header, const struct field *field, int index)
{
    return header->bytes + field->offset[header->version] + (size_t)index * size_of(field->kind[header->version]);
}

static void copy_bytes(uint8_t *dst, const uint8_t *src, size_t size, bool swapped)
{
    for (size_t i = 0; i < size; i++) dst[i] = src[swapped ? size - 1 - i : i];
}

/* The low bytes of an integer, or a float: whatever the field has. */
static void set_integer(const struct header *header, const struct field *field, int index, int64_t value)
{
    const char kind = field->kind[header->version];
    const float single = (float)value;
    const double wide = (double)value;
    const void *bytes = kind == 'f' ? (const void *)&single : kind == 'd' ? (const void *)&wide : &value;
    copy_bytes(place(header, field, index), bytes, size_of(kind), header->swapped);
}

static void set_number(const struct header *header, const struct field *field, int index, double value)
{
    const char kind = field->kind[header->version];
    const float single = value > 3.4e38 || value < -3.4e38 ? (value > 0 ? 1 : -1) / (float)0 : (float)value;
    const void *bytes = kind == 'f' ? (const void *)&single : &value;
    copy_bytes(place(header, field, index), bytes, size_of(kind), header->swapped);
}

static void change_field(const struct header *header, struct random *random)
{
    const struct field *field = &fields[choose(random, FIELDS)];
    const char kind = field->kind[header->version];
    const int index = (int)choose(random, (uint64_t)field->count);
    if (kind == 'f' || kind == 'd')
        set_number(header, field, index, odd_number(random));
    else
        set_integer(header, field, index, odd_integer(random));
}

/* A type with the width it needs, so that what lies behind that check is reached. */
static void change_type(const struct header *header, struct random *random)
{
    static const struct {
        int type, bits;
    } types[] = { { 2, 8 },    { 4, 16 },     { 8, 32 },     { 16, 32 },    { 64, 64 },   { 256, 8 },
                  { 512, 16 }, { 768, 32 },   { 1024, 64 },  { 1280, 64 },  { 32, 64 },   { 128, 24 },
                  { 1, 1 },    { 1536, 128 }, { 1792, 128 }, { 2048, 256 }, { 2304, 32 }, { 0, 0 } };
    const size_t n = choose(random, sizeof types / sizeof *types);
    set_integer(header, &fields[DATATYPE], 0, types[n].type);
    set_integer(header, &fields[BITPIX], 0, types[n].bits);
}

static void change_shape(const struct header *header, struct random *random)
{
    set_integer(header, &fields[DIM], 0, 1 + (int64_t)choose(random, 7));
    for (int n = 1; n < 8; n++) set_integer(header, &fields[DIM], n, 1 + (int64_t)choose(random, n < 4 ? 6 : 2));
}

static void change_magic(const struct header *header, struct random *random)
{
    static const char magics[][9] = { "n+1", "ni1", "n+2\0\r\n\032\n", "ni2\0\r\n\032\n", "\0\0\0", "n+2\0\n\n\032\n",
                                      "n+3" };
    uint8_t *magic = header->bytes + (header->version ? 4 : 344);
    memcpy(magic, magics[choose(random, sizeof magics / sizeof *magics)], header->version ? 8 : 4);
}

/* The other byte order, for the whole header, or for one field alone. */
static void swap_order(struct header *header, struct random *random)
{
    const bool all = choose(random, 2);
    const size_t chosen = choose(random, FIELDS);
    for (size_t n = 0; n < FIELDS; n++) {
        if (!all && n != chosen) continue;
        for (int i = 0; i < fields[n].count; i++) {
            uint8_t kept[8];
            const size_t size = size_of(fields[n].kind[header->version]);
            copy_bytes(kept, place(header, &fields[n], i), size, false);
            copy_bytes(place(header, &fields[n], i), kept, size, true);
        }
    }
}

/* A header of the other version with the same type and small shape, the voxels behind it. */
static size_t change_version(struct header *header, size_t size, size_t capacity, struct random *random)
{
    const int other = !header->version, old_size = header_size[header->version] + 4, new_size = header_size[other] + 4;
    const size_t voxels = size > (size_t)old_size ? size - (size_t)old_size : 0;
    if ((size_t)new_size + voxels > capacity) return size;
    memmove(header->bytes + new_size, header->bytes + old_size, voxels);
    memset(header->bytes, 0, (size_t)new_size);
    header->version = other;
    set_integer(header, &fields[0], 0, header_size[other]);
    memcpy(header->bytes + (other ? 4 : 344), other ? "n+2\0\r\n\032\n" : "n+1", other ? 8 : 4);
    set_integer(header, &fields[VOX_OFFSET], 0, new_size);
    change_type(header, random);
    change_shape(header, random);
    return (size_t)new_size + voxels;
}

static size_t change_length(uint8_t *data, size_t size, size_t capacity, struct random *random)
{
    const size_t wanted = choose(random, 3) ? size + choose(random, 64) : choose(random, size + 1);
    const size_t changed = wanted < capacity ? wanted : capacity;
    for (size_t i = size; i < changed; i++) data[i] = (uint8_t)choose(random, 256);
    return changed;
}

size_t mutate_nifti(uint8_t *data, size_t size, size_t capacity, uint64_t seed)
{
    struct random random = { seed };
    if (size < (size_t)header_size[1]) { /* fields of any version then lie within */
        if (capacity < (size_t)header_size[1]) return size;
        memset(data + size, 0, (size_t)header_size[1] - size);
    }
    struct header header = find_header(data);
    for (uint64_t n = 1 + choose(&random, 3); n > 0; n--) switch (choose(&random, 12)) {
        case 0: change_type(&header, &random); break;
        case 1: change_shape(&header, &random); break;
        case 2: change_magic(&header, &random); break;
        case 3: swap_order(&header, &random); break;
        case 4: size = change_version(&header, size, capacity, &random); break;
        case 5: size = change_length(data, size, capacity, &random); break;
        default: change_field(&header, &random);
        }
    return size < (size_t)header_size[header.version] ? (size_t)header_size[header.version] : size;
}
