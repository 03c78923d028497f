/* Options: one table says what each command takes; parser and --help are both made from it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../bindings/cli/terminal.h"
#include "cohort.h"

enum {
    SPLIT = UCHAR_MAX + 1,
    COUNTS,
    PER_CLASS,
    PAPER,
    PORTION,
    ONLY_CLASS,
    ANATOMIES,
    FAMILY,
    STRIPPED,
    FINEST,
    GRID,
    VOXEL,
    CONTRAST,
    HEALTHY_CONTRAST,
    TWINS,
    COMPRESS,
    NO_MASKS,
    RESTART,
    TIMINGS,
    SCANS,
    ZOOM
};
enum { MOST_OPTIONS = 40, MOST_SUBJECTS = 999999, MOST_THREADS = 1024, OPTION_WIDTH = 32 };

static const struct option_row {
    const char *name;
    int letter; /* above UCHAR_MAX: there is only the long form */
    unsigned commands;
    const char *argument; /* NULL: it takes none */
    const char *help;
} rows[] = {
    { "output", 'o', PREPARE | GENERATE | SITES, "FOLDER", "where the files go; made if it is not there" },
    { "output", 'o', SHEET, "OUT", "the picture: .png; in it {class} becomes each class's code" },
    { "split", SPLIT, GENERATE, "NAME", "train, validation, internal or external: which anatomies are drawn from" },
    { "counts", COUNTS, GENERATE, "LIST", "scans of each class: HGG=54,LGG=54,METS=143,PA=18,AN=33,HLTH=29,MEN=30" },
    { "per-class", PER_CLASS, GENERATE, "N", "so many scans of every class" },
    { "paper", PAPER, GENERATE, NULL, "the counts of the published test: 361 internal or 348 external scans" },
    { "seed", 's', GENERATE, "S", "of the cohort, a whole number; 1, the default, is as good as any" },
    { "portion", PORTION, GENERATE, "A-B", "the subjects from number A to B alone: a share of the work" },
    { "only-class", ONLY_CLASS, GENERATE, "LIST", "the subjects of these classes alone; others keep their numbers" },
    { "anatomies", ANATOMIES, GENERATE, "LIST",
      "draw from these alone, whatever the split: 01,07 or names of your own" },
    { "family", FAMILY, GENERATE, "NAME",
      "every scan of this kind, for copies of a cohort that differ in nothing else: isotropic, atlas, thick, slab, volume "
      "or fat-suppressed" },
    { "stripped", STRIPPED, GENERATE, "NAME", "every scan stripped like this: none, well, tight, loose or ragged" },
    { "finest", FINEST, GENERATE, "MM", "no voxel is smaller: a quicker cohort for a coarse network" },
    { "grid", GRID, GENERATE, "N", "with --voxel: every scan is a cube of N voxels along each axis, whole head" },
    { "voxel", VOXEL, GENERATE, "MM", "with --grid: their size" },
    { "contrast", CONTRAST, GENERATE, "P", "share of tumour scans with a contrast agent; 0.8 is the default" },
    { "healthy-contrast", HEALTHY_CONTRAST, GENERATE, "P", "the same of healthy heads; 0.5 is the default" },
    { "twins", TWINS, GENERATE, NULL, "beside each tumour, in the folder twins: the same head and scan without it" },
    { "compress", COMPRESS, GENERATE, NULL, "write scans as .nii.gz" },
    { "no-masks", NO_MASKS, GENERATE, NULL, "write no lesion masks" },
    { "restart", RESTART, GENERATE, NULL, "forget the cohort that is in FOLDER, and begin anew" },
    { "timings", TIMINGS, GENERATE, NULL, "say at the end what took how long" },
    { "class", 'c', SHEET, "CODE", "scans of this class alone" },
    { "scans", SCANS, SHEET, "N", "on a sheet; 8 is the default" },
    { "zoom", ZOOM, SHEET, "MM", "show so much round the lesion, instead of the whole head" },
    { "threads", 't', PREPARE | GENERATE, "N", "0, the default, asks the system" },
    { "help", 'h', PREPARE | GENERATE | SHEET | SITES, NULL, "show this help" },
};

static int wrong(const char *option, const char *value, const char *wanted)
{
    complain("--%s '%s': must be %s", option, value, wanted);
    return WRONG_USAGE;
}

static bool read_whole(int *number, const char *text, char **end, int least, int most)
{
    errno = 0;
    const long value = strtol(text, end, 10);
    if (errno || *end == text || value < least || value > most) return false;
    *number = (int)value;
    return true;
}

static int set_whole(int *number, const char *option, const char *text, int least, int most)
{
    char *end, wanted[64];
    if (read_whole(number, text, &end, least, most) && !*end) return ANSWERED;
    snprintf(wanted, sizeof wanted, "a whole number from %d to %d", least, most);
    return wrong(option, text, wanted);
}

static int set_number(double *number, const char *option, const char *text, double least, double most)
{
    char *end, wanted[64];
    const double value = strtod(text, &end);
    if (end != text && !*end && value >= least && value <= most) {
        *number = value;
        return ANSWERED;
    }
    snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
    return wrong(option, text, wanted);
}

static int set_seed(uint64_t *seed, const char *text)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || text[strspn(text, "0123456789")] || end == text)
        return wrong("seed", text, "a whole number, 0 or more");
    *seed = value;
    return ANSWERED;
}

static int set_split(struct plan *plan, const char *text)
{
    for (int split = 0; split < SPLITS; split++)
        if (!strcmp(text, split_names[split])) {
            plan->split = (enum split)split;
            return ANSWERED;
        }
    return wrong("split", text, "train, validation, internal or external");
}

static int set_name(int *number, const char *option, const char *text, const char *const *names, int count)
{
    char wanted[128] = "one of";
    for (*number = 0; *number < count; (*number)++) {
        if (!strcmp(text, names[*number])) return ANSWERED;
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), " %s", names[*number]);
    }
    return wrong(option, text, wanted);
}

static int set_family(struct plan *plan, const char *text)
{
    int family;
    const int code = set_name(&family, "family", text, family_names, FAMILIES);
    plan->family = (enum family)family;
    plan->only_family = true;
    return code;
}

static int set_stripping(struct plan *plan, const char *text)
{
    int stripping;
    const int code = set_name(&stripping, "stripped", text, stripping_names, STRIP_KINDS);
    plan->stripping = (enum stripping)stripping;
    plan->strip = true;
    return code;
}

static int entity_of(const char *code, size_t length)
{
    for (int entity = 0; entity < ENTITIES; entity++)
        if (strlen(entity_codes[entity]) == length && !strncmp(entity_codes[entity], code, length)) return entity;
    return -1;
}

static int set_counts(int counts[ENTITIES], const char *text)
{
    bool given[ENTITIES] = { false };
    for (const char *part = text;; part++) {
        const char *equals = strchr(part, '=');
        const int entity = equals ? entity_of(part, (size_t)(equals - part)) : -1;
        char *end;
        if (entity < 0 || given[entity] || !read_whole(&counts[entity], equals + 1, &end, 0, MOST_SUBJECTS)) break;
        given[entity] = true;
        if (!*end) return ANSWERED;
        if (*end != ',') break;
        part = end;
    }
    return wrong("counts", text, "classes with their numbers, as HGG=54,HLTH=29, each class at most once");
}

static int set_only(bool left_out[ENTITIES], const char *text)
{
    for (int entity = 0; entity < ENTITIES; entity++) left_out[entity] = true;
    for (const char *part = text;; part++) {
        const size_t length = strcspn(part, ",");
        const int entity = entity_of(part, length);
        if (entity < 0) return wrong("only-class", text, "codes of classes with commas, as HGG,MEN");
        left_out[entity] = false;
        part += length;
        if (!*part) return ANSWERED;
    }
}

static int set_portion(struct settings *settings, const char *text)
{
    char *end;
    if (read_whole(&settings->first, text, &end, 1, MOST_SUBJECTS) && *end == '-' &&
        read_whole(&settings->last, end + 1, &end, settings->first, MOST_SUBJECTS) && !*end)
        return ANSWERED;
    return wrong("portion", text, "A-B with whole numbers, 1 <= A <= B");
}

static int set_entity(int *entity, const char *text)
{
    *entity = entity_of(text, strlen(text));
    return *entity < 0 ? wrong("class", text, "HGG, LGG, METS, PA, AN, HLTH or MEN") : ANSWERED;
}

/* What decides the counts, once the split is known. */
struct counting {
    const char *counts;
    int per_class;
    bool paper, split;
};

static int set_option(struct settings *settings, struct counting *counting, int letter, const char *argument)
{
    struct plan *plan = &settings->plan;
    switch (letter) {
    case 'o': settings->output = argument; break;
    case SPLIT: counting->split = true; return set_split(plan, argument);
    case COUNTS: counting->counts = argument; return set_counts(plan->counts, argument);
    case PER_CLASS: return set_whole(&counting->per_class, "per-class", argument, 1, MOST_SUBJECTS / ENTITIES);
    case PAPER: counting->paper = true; break;
    case 's': return set_seed(&plan->seed, argument);
    case PORTION: return set_portion(settings, argument);
    case ONLY_CLASS: return set_only(settings->left_out, argument);
    case ANATOMIES: settings->anatomies = argument; break;
    case FAMILY: return set_family(plan, argument);
    case STRIPPED: return set_stripping(plan, argument);
    case FINEST: return set_number(&plan->finest, "finest", argument, 0, 20);
    case GRID: return set_whole(&plan->fixed_shape, "grid", argument, 8, 512);
    case VOXEL: return set_number(&plan->fixed_step, "voxel", argument, 0.3, 20);
    case CONTRAST: return set_number(&plan->contrast, "contrast", argument, 0, 1);
    case HEALTHY_CONTRAST: return set_number(&plan->healthy_contrast, "healthy-contrast", argument, 0, 1);
    case TWINS: settings->twins = true; break;
    case COMPRESS: settings->compress = true; break;
    case NO_MASKS: settings->no_masks = true; break;
    case RESTART: settings->restart = true; break;
    case TIMINGS: settings->timings = true; break;
    case 'c': return set_entity(&settings->entity, argument);
    case SCANS: return set_whole(&settings->scans, "scans", argument, 1, 100);
    case ZOOM: return set_number(&settings->zoom, "zoom", argument, 10, 400);
    case 't': return set_whole(&settings->threads, "threads", argument, 0, MOST_THREADS);
    case 'h': settings->help = true; break;
    default: return WRONG_USAGE; /* getopt_long has said why */
    }
    return ANSWERED;
}

static int complete_plan(struct settings *settings, const struct counting *counting)
{
    static const int published[SPLITS][ENTITIES] = {
        [INTERNAL] = { 54, 54, 143, 18, 33, 29, 30 }, [EXTERNAL] = { 280, 68, 0, 0, 0, 0, 0 }
    };
    struct plan *plan = &settings->plan;
    const int ways = (counting->counts != NULL) + (counting->per_class > 0) + counting->paper;
    if (!counting->split || ways != 1)
        complain("generate needs --split, and one of --counts, --per-class and --paper");
    else if (counting->paper && !published[plan->split][HGG])
        complain("--paper: the published counts are of --split internal or external, not of %s",
                 split_names[plan->split]);
    else if ((plan->fixed_shape > 0) != (plan->fixed_step > 0))
        complain("--grid and --voxel belong together");
    else {
        for (int entity = 0; entity < ENTITIES; entity++) {
            if (counting->paper) plan->counts[entity] = published[plan->split][entity];
            if (counting->per_class) plan->counts[entity] = counting->per_class;
        }
        const int size = plan_size(plan);
        if (size >= 1 && size <= MOST_SUBJECTS && settings->last <= size) return ANSWERED;
        if (size >= 1 && size <= MOST_SUBJECTS)
            complain("--portion %d-%d: the cohort has %d subjects", settings->first, settings->last, size);
        else
            complain("a cohort has 1 to %d subjects, not %d", MOST_SUBJECTS, size);
    }
    return WRONG_USAGE;
}

static void make_getopt_tables(struct option *longs, char *letters, unsigned command)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct option_row *row = &rows[i];
        if (!(row->commands & command)) continue;
        *longs++ = (struct option){ row->name, row->argument ? required_argument : no_argument, NULL, row->letter };
        if (row->letter > UCHAR_MAX) continue;
        *letters++ = (char)row->letter;
        if (row->argument) *letters++ = ':';
    }
    *longs = (struct option){ 0 };
    *letters = '\0';
}

int read_settings(struct settings *settings, const struct command *command, int count, char **arguments)
{
    struct option longs[MOST_OPTIONS];
    char letters[2 * MOST_OPTIONS], program[64], *const name = arguments[0];
    struct counting counting = { 0 };
    _Static_assert(sizeof rows / sizeof *rows < MOST_OPTIONS, "the tables hold every row");
    make_getopt_tables(longs, letters, command->bit);
    *settings = (struct settings){ .plan = { .seed = 1, .contrast = 0.8, .healthy_contrast = 0.5 },
                                   .entity = -1,
                                   .scans = 8 };
    snprintf(program, sizeof program, "tumorclass-cohort %s", name);
    arguments[0] = program; /* what getopt_long's own messages begin with */
    int code = ANSWERED, letter;
    while (code == ANSWERED && (letter = getopt_long(count, arguments, letters, longs, NULL)) != -1)
        code = set_option(settings, &counting, letter, optarg);
    arguments[0] = name;
    if (code != ANSWERED || settings->help) return code;
    if (count - optind != 1 || !settings->output) {
        complain("%s needs %s and --output", command->name, command->files);
        return WRONG_USAGE;
    }
    settings->input = arguments[optind];
    return command->bit == GENERATE ? complete_plan(settings, &counting) : ANSWERED;
}

void show_command_help(const struct command *command)
{
    printf("Usage: tumorclass-cohort %s [OPTIONS] %s -o %s\n\n%s.\n%s\nOptions:\n", command->name, command->files,
           command->bit == SHEET ? "OUT" : "FOLDER", command->purpose, command->details);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct option_row *row = &rows[i];
        char left[64], letter[8] = "    ";
        if (!(row->commands & command->bit)) continue;
        if (row->letter <= UCHAR_MAX) snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->argument ? "=" : "",
                 row->argument ? row->argument : "");
        printf("%-*s", OPTION_WIDTH, left);
        put_wrapped(stdout, row->help, OPTION_WIDTH, stream_style(stdout).width);
    }
}
