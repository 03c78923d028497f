/* The folder of a cohort: names of its files, and what describes it as a BIDS dataset does. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "columns.h"
#include "study.h"

/* ---- Names ---- */

static const char *ending(const struct settings *settings)
{
    return settings->compress ? ".nii.gz" : ".nii";
}

char *subject_folder(const struct settings *settings, int number, bool twin)
{
    char within[64];
    snprintf(within, sizeof within, "%ssub-%06d/anat", twin ? "twins/" : "", number);
    return join_paths(settings->output, within);
}

char *scan_path(const struct settings *settings, int number, bool twin, bool contrast)
{
    char within[128];
    snprintf(within, sizeof within, "%ssub-%06d/anat/sub-%06d%s_T1w%s", twin ? "twins/" : "", number, number,
             contrast ? "_ce-gadolinium" : "", ending(settings));
    return join_paths(settings->output, within);
}

/* Always compressed: nearly all of a mask is 0. */
char *mask_path(const struct settings *settings, int number)
{
    char within[64];
    snprintf(within, sizeof within, "sub-%06d/anat/sub-%06d_lesion.nii.gz", number, number);
    return join_paths(settings->output, within);
}

static bool take_is_there(char *path)
{
    const bool there = path && !access(path, R_OK);
    free(path);
    return there;
}

static bool scan_is_there(const struct settings *settings, int number, bool twin)
{
    return take_is_there(scan_path(settings, number, twin, true)) ||
           take_is_there(scan_path(settings, number, twin, false));
}

bool subject_is_there(const struct study *study, int number)
{
    const struct settings *settings = study->settings;
    if (!scan_is_there(settings, number, false)) return false;
    if (study->entities[number - 1] == HLTH) return true;
    if (settings->twins && !scan_is_there(settings, number, true)) return false;
    return settings->no_masks || take_is_there(mask_path(settings, number));
}

/* ---- Emptying ---- */

/* "sub-" and six digits: as long as that, or 0. */
static size_t subject_length(const char *name)
{
    return !strncmp(name, "sub-", 4) && strspn(name + 4, "0123456789") == 6 ? 10 : 0;
}

/* Is this the name of one of our files in a subject's folder? */
static bool is_ours(const char *name)
{
    const char *rest = name + subject_length(name);
    return rest > name && (!strncmp(rest, "_T1w.nii", 8) || !strncmp(rest, "_ce-gadolinium_T1w.nii", 22) ||
                           !strncmp(rest, "_lesion.nii", 11));
}

static void remove_files(const char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        char *path = is_ours(entry->d_name) ? join_paths(folder, entry->d_name) : NULL;
        if (path) unlink(path);
        free(path);
    }
    if (listing) closedir(listing);
    rmdir(folder);
}

/* Subjects of an earlier cohort, which would lie among those of this one. */
static void remove_subjects(const char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        const char *name = entry->d_name;
        if (!subject_length(name) || name[subject_length(name)]) continue;
        char *subject = join_paths(folder, name), *within = subject ? join_paths(subject, "anat") : NULL;
        if (within) remove_files(within);
        if (subject) rmdir(subject);
        free(within);
        free(subject);
    }
    if (listing) closedir(listing);
    static const char *const tables[] = { "participants.tsv", "participants.part.tsv" };
    for (int t = 0; t < 2; t++) {
        char *path = join_paths(folder, tables[t]);
        if (path) unlink(path);
        free(path);
    }
}

/* ---- Describing ---- */

static void put_description(FILE *out, const struct study *study)
{
    const struct plan *plan = &study->plan;
    const char *comma = "";
    fputs("{\n  \"Name\": \"Synthetic heads with and without tumours\",\n  \"BIDSVersion\": \"1.9.0\",\n"
          "  \"DatasetType\": \"raw\",\n  \"GeneratedBy\": [{ \"Name\": \"tumorclass-cohort\", \"Version\": \"" //
          TUMORCLASS_VERSION_STRING "\" }],\n  \"Cohort\": {\n",
          out);
    fprintf(out, "    \"Seed\": %" PRIu64 ",\n    \"Split\": \"%s\",\n    \"Counts\": {", plan->seed,
            split_names[plan->split]);
    for (int entity = 0; entity < ENTITIES; entity++, comma = ",")
        fprintf(out, "%s \"%s\": %d", comma, entity_codes[entity], plan->counts[entity]);
    fprintf(out, " },\n    \"Contrast\": %.9g,\n    \"HealthyContrast\": %.9g,\n    \"Finest\": %.9g,\n",
            plan->contrast, plan->healthy_contrast, plan->finest);
    if (plan->only_family) fprintf(out, "    \"Family\": \"%s\",\n", family_names[plan->family]);
    if (plan->strip) fprintf(out, "    \"Stripped\": \"%s\",\n", stripping_names[plan->stripping]);
    fprintf(out, "    \"Grid\": %d,\n    \"Voxel\": %.9g,\n    \"Compressed\": %s,\n    \"Anatomies\": [",
            plan->fixed_shape, plan->fixed_step, study->settings->compress ? "true" : "false");
    comma = "";
    for (int n = 0; n < plan->anatomies; n++, comma = ",") {
        fprintf(out, "%s \"", comma);
        for (const char *c = study->anatomies[n].name; *c; c++) putc(strchr("\"\\", *c) || iscntrl(*c) ? '_' : *c, out);
        putc('"', out);
    }
    fputs(" ]\n  }\n}\n", out);
}

static char *description_of(const struct study *study)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    put_description(out, study);
    const bool whole = !ferror(out);
    if (!fclose(out) && whole) return text;
    free(text);
    return NULL;
}

static int no_memory(void)
{
    complain("no memory to describe the cohort");
    return MODEL_FAILED;
}

static int write_text(const char *folder, const char *name, const char *text)
{
    char *path = join_paths(folder, name);
    if (!path) return no_memory();
    const tumorclass_status status = tumorclass_write_file(path, text, strlen(text));
    if (status != TUMORCLASS_OK) complain("%s", tumorclass_last_error());
    free(path);
    return status == TUMORCLASS_OK ? ANSWERED : OUTPUT_FAILED;
}

/* Does a file hold this text? -1: there is no file. */
static int holds(const char *path, const char *text)
{
    FILE *file = fopen(path, "r");
    if (!file) return errno == ENOENT ? -1 : 0;
    bool same = true;
    for (; same && *text; text++) same = getc(file) == (unsigned char)*text;
    same = same && getc(file) == EOF;
    fclose(file);
    return same;
}

static bool names_us(const char *path)
{
    char text[512] = "";
    FILE *file = fopen(path, "r");
    if (!file) return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, "\"tumorclass-cohort\"") != NULL;
}

/* A folder is emptied only of what this program wrote: real scans have names like ours. */
static int check_description(const struct study *study, const char *text, const char *twins)
{
    const struct settings *settings = study->settings;
    char *path = join_paths(settings->output, "dataset_description.json");
    if (!path) return no_memory();
    const int same = holds(path, text);
    const bool ours = same >= 0 && names_us(path);
    free(path);
    if (ours && settings->restart) {
        remove_subjects(settings->output);
        remove_subjects(twins);
    }
    if (same == -1 || same == 1 || (ours && settings->restart)) return ANSWERED;
    complain("%s holds another %s (see its dataset_description.json): choose another folder%s", settings->output,
             ours ? "cohort" : "dataset", ours ? ", or empty it with --restart" : "");
    return WRONG_USAGE;
}

static int write_descriptions(const char *folder, const char *text)
{
    char *json = columns_json();
    if (!json) return no_memory();
    int code = write_text(folder, "dataset_description.json", text);
    if (code == ANSWERED) code = write_text(folder, "participants.json", json);
    if (code == ANSWERED) code = write_text(folder, ".bidsignore", "*_lesion.nii.gz\ntwins/\n*.part.tsv\n");
    free(json);
    return code;
}

int dataset_begin(const struct study *study)
{
    const struct settings *settings = study->settings;
    char *text = description_of(study), *twins = join_paths(settings->output, "twins");
    int code = text && twins ? ANSWERED : no_memory();
    if (code == ANSWERED && !make_folders(settings->twins ? twins : settings->output)) {
        complain("%s cannot be made: %s", settings->output, strerror(errno));
        code = OUTPUT_FAILED;
    }
    if (code == ANSWERED) code = check_description(study, text, twins);
    if (code == ANSWERED) code = write_descriptions(settings->output, text);
    if (code == ANSWERED && settings->twins) code = write_descriptions(twins, text);
    free(twins);
    free(text);
    return code;
}
