/* Tables of CSV: a row per example, columns that an encoder (data/encoder.h) makes features of, and one of labels. */
#ifndef MIXENT_DATA_FORMATS_TABLE_H
#define MIXENT_DATA_FORMATS_TABLE_H

#include "data/encoder.h"
#include "data/formats/class_names.h"
#include "data/formats/csv.h"
#include "data/formats/survey.h"

/* Which columns are what, and how cells are read. */
typedef struct mixent_table_columns {
  size_t cells; /* of a row; 0: not known yet */
  size_t label; /* the one with labels; `cells`: none is read */
  bool header;
  char **names; /* [cells] with a header; else NULL */
  char separator, decimal;
  mixent_encoder *encoder; /* its columns are those that are read */
  size_t *places;          /* [encoder->count]: their cells */
  /* what was met while rows were read */
  size_t unlabelled; /* rows left out, for they have no label */
  size_t unseen;     /* words that the encoder does not know; the first of them: */
  mixent_survey_cell first_unseen;
  bool numbering; /* a column without a name numbers the rows: it is left out */
  bool located;   /* asked for: images->files says where each row is, "runs.csv:17" */
} mixent_table_columns;
void mixent_table_columns_free(mixent_table_columns *columns);

/* Finds the columns of a table, `size` bytes at `text`, zero-terminated and left as they are: by a first pass over all of it. */
mixent_status mixent_table_plan(const char *origin, const char *text, size_t size,
                                const mixent_table_options *options, mixent_table_columns *out);
/* The same for an encoder that is fitted already: its columns are found by their names, else by their places. `label` names the
 * column of the labels ("": that of the training, else by the usual names); NULL: labels are not read. */
mixent_status mixent_table_place(const char *origin, const char *text, size_t size,
                                 const mixent_encoder *encoder, const char *label, mixent_table_columns *out);
/* Reads a table, changed by it, whose columns are found, into a number for each cell and the places of the labels among `words`
 * (NULL where columns->label is none). `other`: it
 * is not the table that they were found in, so its header is held against theirs. */
mixent_status mixent_table_parse(const char *origin, char *text, size_t size, bool other,
                                 mixent_table_columns *columns, mixent_class_names *words,
                                 mixent_images *out);
/* Appends what people should know of the rows that were read to *note (NULL: nothing so far). */
mixent_status mixent_table_note(const mixent_table_columns *columns, const char *origin, char **note);

/* Whether a first row names the columns: one of them names the labels, or all
 * but that at `label` are words. A row
 * with numbers as well as words is an error. */
mixent_status mixent_table_is_header(const mixent_csv *csv, size_t label, bool *out);
/* The column of labels by a row of names: `wanted`, or where that is "" the usual names, else the last. */
mixent_status mixent_table_find_label(const mixent_csv *csv, const char *wanted, size_t *out);
/* The column of that name, looked for from `first` on and round; csv->count if there is none. */
/* "no column 'x', which the model reads; the first row has 'a', 'b'": the error of a name that is not there. */
mixent_status mixent_table_fail_column(const mixent_csv *csv, const char *name, const char *which);
mixent_status mixent_table_find_column(const mixent_csv *csv, const char *name, size_t first, size_t *out);

#endif
