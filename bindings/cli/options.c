#include "options.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "terminal.h"

enum {
    SCALE = UCHAR_MAX + 1,
    STRICT,
    PHANTOM,
    LIST,
    FORMAT,
    SHARD,
    RETRY,
    RESTART,
    DRY_RUN,
    METHOD,
    LEVEL,
    FLIP,
    TOP,
    EMBEDDING,
    PRECISION
};
enum {
    MOST_ROWS = 40,
    MOST_THREADS = 1024,
    MOST_DEVICES = 1024,
    MOST_LEVELS = 99,
    MOST_CLASSES = 99,
    MOST_SHARDS = 1000000
};
enum { ANSWERS = CLASSIFY | BATCH, SCANS = ANSWERS | PREPROCESS, RUNS = SCANS | SELFTEST, ALL = RUNS | INFO | DOCTOR };

const struct option_row option_rows[] = {
    { "model", 'm', RUNS, "FILE",
      "ONNX model; the default is the one that ships with the library. classify and batch take several, whose mean is "
      "the answer" },
    { "output", 'o', PREPROCESS, "OUT", "where the network's input goes: .nii or .nii.gz, or - for standard output" },
    { "output", 'o', BATCH, "OUT", "the table, one row a scan: .tsv, .jsonl or .ndjson" },
    { "format", FORMAT, BATCH, "tsv|jsonl", "tab-separated values or JSON lines, whatever OUT's name ends in" },
    { "list", LIST, BATCH, "FILE", "scans, one path a line, relative to the list's folder; - for standard input" },
    { "shard", SHARD, BATCH, "I/N",
      "the I-th of N shares of the scans alone, about equal ones: the work of N machines" },
    { "retry", RETRY, BATCH, NULL, "run scans again that failed" },
    { "restart", RESTART, BATCH, NULL, "forget the rows of OUT and of OUT.part, and begin anew" },
    { "dry-run", DRY_RUN, BATCH, NULL, "list the scans with their keys, and run nothing" },
    { "attention", 'a', ANSWERS, "OUT",
      "write the attention map: .nii or .nii.gz, or (not batch) - for standard output" },
    { "attention-scale", SCALE, ANSWERS, "unit|raw",
      "unit: from 0 to 1, the default; raw: in units of the class's logit" },
    { "attention-method", METHOD, ANSWERS, "NAME",
      "auto, the default: HiResCAM where the network allows it; cam, gradcam or hirescam" },
    { "attention-level", LEVEL, ANSWERS, "N",
      "the level of the network that the map is made at, 1 the finest; 0, the default, is the model's choice" },
    { "class", 'c', ANSWERS, "NAME|all",
      "the class that the map is of, by name or code; the default is the predicted one; all: one 4-D file" },
    { "overlay", 'p', ANSWERS, "OUT",
      "draw the scan and the map as a picture: .png, or (not batch) - for standard output" },
    { "phantom", PHANTOM, SELFTEST, "OUT",
      "write the scan whose answer is known, and run nothing: .nii or .nii.gz, or - for standard output" },
    { "mask", 'k', SCANS, "FILE", "brain mask on the scan's grid, not zero inside; else it is found" },
    { "flip", FLIP, ANSWERS, "AXES",
      "run the scan flipped as well, and average: left-right, back-front, down-up, or several with commas" },
    { "top", TOP, CLASSIFY, "N", "show the N most probable classes; 0, the default: all that fit" },
    { "embedding", EMBEDDING, ANSWERS, NULL, "with JSON: the features in front of the last layer as well" },
    { "strict", STRICT, SCANS, NULL, "refuse a scan that fails a quality check, instead of warning" },
    { "json", 'j', CLASSIFY | INFO | SELFTEST | DOCTOR, NULL,
      "one JSON object a line for programs, instead of text for people" },
    { "threads", 't', RUNS, "N", "CPU threads; 0, the default, asks the system" },
    { "device", 'd', RUNS, "NAME", "auto, the default; cpu; cuda or cuda:N, which never falls back" },
    { "precision", PRECISION, RUNS, "NAME", "of a CUDA device: half, the default; bfloat16, float32 or tf32" },
    { "verbose", 'v', RUNS, NULL, "say more on standard error; twice: everything" },
    { "help", 'h', ALL, NULL, "show this help" },
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const char *precision_name(tumorclass_precision precision)
{
    static const char *const names[] = { NULL, "half", "bfloat16", "float32", "tf32" };
    return precision > 0 && precision < (int)(sizeof names / sizeof *names) ? names[precision] : NULL;
}

static int wrong(const char *option, const char *value, const char *wanted)
{
    complain("--%s '%s': must be %s", option, value, wanted);
    return WRONG_USAGE;
}

static bool read_number(int32_t *number, const char *text, long most)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > most) return false;
    *number = (int32_t)value;
    return true;
}

static int set_threads(struct options *options, const char *text)
{
    if (read_number(&options->threads, text, MOST_THREADS)) return ANSWERED;
    return wrong("threads", text, "a whole number from 0 to 1024");
}

static int set_device(struct options *options, const char *text)
{
    const bool numbered = !strncmp(text, "cuda:", 5);
    options->device = 0;
    if (numbered && !read_number(&options->device, text + 5, MOST_DEVICES))
        return wrong("device", text, "cuda:N with a whole number N");
    if (!strcmp(text, "auto"))
        options->backend = TUMORCLASS_BACKEND_AUTO;
    else if (!strcmp(text, "cpu"))
        options->backend = TUMORCLASS_BACKEND_CPU;
    else if (!strcmp(text, "cuda") || numbered)
        options->backend = TUMORCLASS_BACKEND_CUDA;
    else
        return wrong("device", text, "auto, cpu, cuda or cuda:N");
    return ANSWERED;
}

static int set_precision(struct options *options, const char *text)
{
    for (int32_t precision = TUMORCLASS_PRECISION_HALF; precision_name(precision); precision++) {
        if (strcmp(text, precision_name(precision)) != 0) continue;
        options->precision = precision;
        return ANSWERED;
    }
    return wrong("precision", text, "half, bfloat16, float32 or tf32");
}

static int set_scale(struct options *options, const char *text)
{
    if (!strcmp(text, "unit"))
        options->scale = TUMORCLASS_ATTENTION_UNIT;
    else if (!strcmp(text, "raw"))
        options->scale = TUMORCLASS_ATTENTION_RAW;
    else
        return wrong("attention-scale", text, "unit or raw");
    return ANSWERED;
}

static int set_format(struct options *options, const char *text)
{
    options->format = text;
    return !strcmp(text, "tsv") || !strcmp(text, "jsonl") ? ANSWERED : wrong("format", text, "tsv or jsonl");
}

static int set_shard(struct options *options, const char *text)
{
    char index[8];
    const size_t digits = strcspn(text, "/");
    snprintf(index, sizeof index, "%.*s", (int)(digits < sizeof index ? digits : 0), text);
    if (text[digits] && read_number(&options->shard_index, index, MOST_SHARDS) &&
        read_number(&options->shard_count, text + digits + 1, MOST_SHARDS) && options->shard_index >= 1 &&
        options->shard_index <= options->shard_count)
        return ANSWERED;
    return wrong("shard", text, "I/N with whole numbers, 1 <= I <= N <= 1000000");
}

static int add_model(struct options *options, const char *path)
{
    if (options->model_count == MOST_MODELS) return wrong("model", path, "given at most 64 times");
    options->models[options->model_count++] = path;
    return ANSWERED;
}

static int index_of(const char *const *words, int count, const char *text, size_t length)
{
    for (int i = 0; i < count; i++)
        if (strlen(words[i]) == length && !strncmp(words[i], text, length)) return i;
    return -1;
}

static int set_method(struct options *options, const char *text)
{
    static const char *const words[] = { "auto", "cam", "gradcam", "hirescam" };
    options->method = index_of(words, 4, text, strlen(text));
    return options->method < 0 ? wrong("attention-method", text, "auto, cam, gradcam or hirescam") : ANSWERED;
}

static int set_level(struct options *options, const char *text)
{
    if (read_number(&options->level, text, MOST_LEVELS)) return ANSWERED;
    return wrong("attention-level", text, "a whole number, 1 for the finest level");
}

static int set_top(struct options *options, const char *text)
{
    return read_number(&options->top, text, MOST_CLASSES) ? ANSWERED : wrong("top", text, "a whole number");
}

static int set_flips(struct options *options, const char *text)
{
    static const char *const words[] = { "left-right", "back-front", "down-up" };
    for (const char *word = text;; word++) {
        const size_t length = strcspn(word, ",");
        const int index = index_of(words, 3, word, length);
        if (index < 0) return wrong("flip", text, "left-right, back-front, down-up, or several of them with commas");
        options->flips |= (uint32_t)1 << index;
        word += length;
        if (!*word) return ANSWERED;
    }
}

static int set_option(struct options *options, int letter, const char *argument)
{
    switch (letter) {
    case 'm': return add_model(options, argument);
    case 'o': options->output = argument; break;
    case 'a': options->attention = argument; break;
    case SCALE: return set_scale(options, argument);
    case 'c': options->map_class = argument; break;
    case 'p': options->overlay = argument; break;
    case 'k': options->mask = argument; break;
    case PHANTOM: options->phantom = argument; break;
    case METHOD: return set_method(options, argument);
    case LEVEL: return set_level(options, argument);
    case FLIP: return set_flips(options, argument);
    case TOP: return set_top(options, argument);
    case EMBEDDING: options->embedding = true; break;
    case STRICT: options->strict = true; break;
    case 'j': options->json = true; break;
    case 't': return set_threads(options, argument);
    case 'd': return set_device(options, argument);
    case PRECISION: return set_precision(options, argument);
    case 'v': options->log_level += options->log_level < TUMORCLASS_LOG_DEBUG; break;
    case LIST: options->list = argument; break;
    case FORMAT: return set_format(options, argument);
    case SHARD: return set_shard(options, argument);
    case RETRY: options->retry = true; break;
    case RESTART: options->restart = true; break;
    case DRY_RUN: options->dry_run = true; break;
    case 'h': options->help = true; break;
    default: return WRONG_USAGE; /* getopt_long has said why */
    }
    return ANSWERED;
}

/* The table in the form that getopt_long wants. */
static void make_getopt_tables(struct option *longs, char *letters, unsigned command)
{
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(row->commands & command)) continue;
        *longs++ = (struct option){ row->name, row->argument ? required_argument : no_argument, NULL, row->letter };
        if (row->letter > UCHAR_MAX) continue;
        *letters++ = (char)row->letter;
        if (row->argument) *letters++ = ':';
    }
    *longs = (struct option){ 0 };
    *letters = '\0';
}

int read_command_options(struct options *options, unsigned command, int count, char **arguments)
{
    struct option longs[MOST_ROWS];
    char letters[2 * MOST_ROWS], command_name[64], *const plain_name = arguments[0];
    _Static_assert(sizeof option_rows / sizeof *option_rows < MOST_ROWS, "the tables hold every row");
    make_getopt_tables(longs, letters, command);
    *options = (struct options){ 0 };

    snprintf(command_name, sizeof command_name, "tumorclass %s", plain_name);
    arguments[0] = command_name; /* what getopt_long's own messages begin with */
    int code = ANSWERED, letter;
    while (code == ANSWERED && (letter = getopt_long(count, arguments, letters, longs, NULL)) != -1)
        code = set_option(options, letter, optarg);
    arguments[0] = plain_name;
    options->files = arguments + optind;
    options->file_count = (size_t)(count - optind);
    return code;
}
