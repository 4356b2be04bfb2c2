/* Man pages from the tables that the help is made of, in the man macros that groff and mandoc share. */
#include "cli/manual.h"
#include "cli/help.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/unicode.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- roff ---- */

/* One character of text as roff; returns its bytes. */
static size_t append_character(const char *text, mixent_text *out) {
  static const char *const escapes[] = {"\\\\e", "-\\-", "'\\(aq", "`\\(ga", "^\\(ha", "~\\(ti", "\"\\(dq"};
  size_t size = mixent_character_size(text);
  if (size < 2) {
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
      if (*text == escapes[i][0]) {
        mixent_text_append(out, "%s", escapes[i] + 1);
        return 1;
      }
    mixent_text_append_bytes(out, text, 1);
    return 1;
  }
  unsigned code =
      (unsigned char)*text & (0xffu >> (size + 1)); /* UTF-8: the first byte's low bits, then six of each */
  for (size_t i = 1; i < size; i++) code = code << 6 | ((unsigned char)text[i] & 0x3fu);
  if (code == 0x2026)
    mixent_text_append(out, "...");
  else
    mixent_text_append(out, "\\[u%04X]", code);
  return size;
}

/* `length` bytes of text; a line never begins with a dot, which would be a request. */
static void append_roff(const char *text, size_t length, mixent_text *out) {
  const char *end = text + length;
  bool begins = true;
  while (text < end) {
    if (begins && *text == '.') mixent_text_append(out, "\\&");
    begins = *text == '\n';
    text += append_character(text, out);
  }
}

static void append_line(const char *text, mixent_text *out) {
  append_roff(text, strlen(text), out);
  mixent_text_append(out, "\n");
}

/* Paragraphs as the help has them: lines that begin with a space stay as they are. */
static void append_paragraphs(const char *text, mixent_text *out) {
  bool kept = false;
  while (*text) {
    size_t length = strcspn(text, "\n");
    bool keep = *text == ' ', begins = !length && text[1] && text[1] != ' ';
    if (keep && !kept) mixent_text_append(out, ".PP\n.nf\n");
    if (kept && !keep) mixent_text_append(out, ".fi\n");
    if (begins || (kept && !keep && length)) mixent_text_append(out, ".PP\n");
    kept = keep;
    append_roff(text, length, out);
    if (length) mixent_text_append(out, "\n");
    text += length + (text[length] == '\n');
  }
  if (kept) mixent_text_append(out, ".fi\n");
}

/* ".TP", what is told of in bold, and what is told. */
static void append_entry(const char *tag, const char *text, size_t length, mixent_text *out) {
  mixent_text_append(out, ".TP\n\\fB");
  append_roff(tag, strlen(tag), out);
  mixent_text_append(out, "\\fR\n");
  append_roff(text, length, out);
  mixent_text_append(out, "\n");
}

/* "mixent-data-get" of "data get". */
static void name_page(const char *command, char out[64]) {
  snprintf(out, 64, "mixent-%s", command);
  for (char *letter = out; *letter; letter++)
    if (*letter == ' ') *letter = '-';
}

static void append_head(const char *page, const char *section, const char *summary, mixent_text *out) {
  mixent_text_append(out, ".\\\" Written by `mixent manual`.\n.TH \"");
  append_roff(page, strlen(page), out);
  mixent_text_append(out, "\" %s \"\" \"mixent %s\" \"mixent\"\n.nh\n.ad l\n.SH NAME\n", section,
                     mixent_version());
  append_roff(page, strlen(page), out);
  mixent_text_append(out, " \\- ");
  append_line(summary, out);
}

static void append_reference(const char *page, const char *section, const char *after, mixent_text *out) {
  mixent_text_append(out, ".BR ");
  append_roff(page, strlen(page), out);
  mixent_text_append(out, " (%s)%s\n", section, after);
}

/* -------------------------------------------------------------- commands ---- */

static void append_options(const mixent_command_option *options, mixent_text *out) {
  mixent_text_append(out, ".SH OPTIONS\n");
  for (const mixent_command_option *option = options; option && option->name; option++) {
    mixent_text help = {0};
    mixent_option_help_append(option, &help);
    out->failed |= help.failed;
    mixent_text_append(out, ".TP\n\\fB\\-\\-");
    append_roff(option->name, strlen(option->name), out);
    mixent_text_append(out, "\\fR");
    if (option->argument) {
      mixent_text_append(out, " \\fI");
      append_roff(option->argument, strlen(option->argument), out);
      mixent_text_append(out, "\\fR");
    }
    mixent_text_append(out, "\n");
    if (!help.failed) append_line(help.data, out);
    mixent_text_free(&help);
  }
  append_entry("-h, --help", "show the help", strlen("show the help"), out);
}

static void append_list(const mixent_command *const *commands, mixent_text *out) {
  mixent_text_append(out, ".SH COMMANDS\n");
  for (; *commands; commands++) {
    char page[64];
    if ((*commands)->hidden) continue;
    name_page((*commands)->name, page);
    mixent_text_append(out, ".TP\n");
    append_reference(page, "1", "", out);
    append_line((*commands)->summary, out);
  }
}

static void append_exit_codes(mixent_text *out) {
  mixent_text_append(out, ".SH EXIT STATUS\n");
  for (const mixent_exit_meaning *exit = mixent_exit_meanings; exit->code; exit++)
    append_entry(exit->code, exit->meaning, strlen(exit->meaning), out);
}

static void append_command(const mixent_command *command, const char *page, mixent_text *out) {
  mixent_text usage = {0};
  mixent_command_usage_append(command, &usage);
  append_head(page, "1", command->summary, out);
  mixent_text_append(out, ".SH SYNOPSIS\n\\fBmixent %s\\fR", command->name);
  out->failed |= usage.failed;
  append_line(usage.data ? usage.data : "", out);
  mixent_text_free(&usage);
  mixent_text_append(out, ".SH DESCRIPTION\n");
  if (command->description)
    append_paragraphs(command->description, out);
  else
    append_line(command->summary, out);
  if (command->members)
    append_list(command->members, out);
  else
    append_options(command->options, out);
  append_exit_codes(out);
  mixent_text_append(out, ".SH SEE ALSO\n");
  append_reference("mixent", "1", ",", out);
  append_reference("mixent-recipe", "5", "", out);
}

static void append_program(const mixent_command *const *commands, mixent_text *out) {
  static const char *const variables[][2] = {
      {"MIXENT_DATA", "a directory in which known data sets are looked for"},
      {"MIXENT_MODELS", "the directory of the models that come with mixent, in place of share/mixent/models"},
      {"XDG_CACHE_HOME", "where fetched data sets and measured plans are kept, instead of ~/.cache"},
      {NULL, NULL}};
  append_head("mixent", "1", "train small classifiers and compare training methods", out);
  mixent_text_append(out, ".SH SYNOPSIS\n\\fBmixent\\fR \\fICOMMAND\\fR [\\fIWORD\\fR]... "
                          "[\\fB\\-\\-\\fIOPTION VALUE\\fR]...\n.SH DESCRIPTION\n");
  append_paragraphs(mixent_program_summary, out);
  append_list(commands, out);
  append_exit_codes(out);
  mixent_text_append(out, ".SH ENVIRONMENT\n");
  for (size_t i = 0; variables[i][0]; i++)
    append_entry(variables[i][0], variables[i][1], strlen(variables[i][1]), out);
  mixent_text_append(out, ".SH SEE ALSO\n");
  append_reference("mixent-train", "1", ",", out);
  append_reference("mixent-recipe", "5", "", out);
}

/* --------------------------------------------------------------- recipes ---- */

static void append_group(int group, mixent_text *out) {
  mixent_text_append(out, ".SS ");
  append_line(mixent_group_titles[group], out);
  for (const mixent_option *option = mixent_options; option->key; option++) {
    if ((int)option->group != group) continue;
    mixent_text values = {0};
    mixent_option_values_append(option, &values);
    out->failed |= values.failed;
    append_entry(option->key, option->help, strlen(option->help), out);
    for (char *rest = NULL, *line = values.failed ? NULL : strtok_r(values.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
      mixent_text_append(out, ".br\n");
      append_line(line, out);
    }
    mixent_text_free(&values);
  }
}

static void append_recipes(mixent_text *out) {
  append_head("mixent-recipe", "5", "the options of a training run, as a YAML file", out);
  mixent_text_append(out, ".SH DESCRIPTION\n");
  append_paragraphs(mixent_recipe_explanation, out);
  mixent_text_append(out, ".SH BUILT\\-IN RECIPES\n");
  for (const char *const *name = mixent_recipe_names(); *name; name++) {
    const char *summary;
    int length = mixent_recipe_summary(*name, &summary);
    append_entry(*name, summary, (size_t)length, out);
  }
  mixent_text_append(out, ".SH OPTIONS\n");
  for (int group = 0; group < MIXENT_GROUPS; group++) append_group(group, out);
  mixent_text_append(out, ".SH SEE ALSO\n");
  append_reference("mixent-train", "1", "", out);
}

/* ----------------------------------------------------------------- files ---- */

/* Writes the page, and frees it. */
static mixent_status write_page(const char *directory, const char *page, const char *section,
                                mixent_text *text) {
  char name[96];
  snprintf(name, sizeof name, "%s.%s", page, section);
  char *path = mixent_path_join(directory, name);
  mixent_status status = path ? mixent_text_status(text) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_file_replace(path, text->data, text->length);
  mixent_text_free(text);
  free(path);
  return status;
}

static mixent_status write_commands(const mixent_command *const *commands, const char *directory) {
  for (; *commands; commands++) {
    char page[64];
    mixent_text text = {0};
    if ((*commands)->hidden) continue;
    name_page((*commands)->name, page);
    append_command(*commands, page, &text);
    MIXENT_TRY(write_page(directory, page, "1", &text));
    if ((*commands)->members) MIXENT_TRY(write_commands((*commands)->members, directory));
  }
  return MIXENT_OK;
}

mixent_status mixent_manual_write(const mixent_command *const *commands, const char *directory) {
  mixent_text program = {0}, recipes = {0};
  MIXENT_TRY(mixent_directory_make(directory));
  append_program(commands, &program);
  MIXENT_TRY(write_page(directory, "mixent", "1", &program));
  append_recipes(&recipes);
  MIXENT_TRY(write_page(directory, "mixent-recipe", "5", &recipes));
  return write_commands(commands, directory);
}
