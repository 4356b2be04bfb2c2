/* The first pass over a table: what stands in its columns, before any cell is taken in. */
#ifndef MIXENT_DATA_FORMATS_SURVEY_H
#define MIXENT_DATA_FORMATS_SURVEY_H

#include "data/encoder.h"
#include "data/formats/csv.h"

/* A cell to name in a message: where it stands, and how it begins. */
typedef struct mixent_survey_cell {
  size_t line, column; /* line 0: there is no such cell */
  char text[84];
} mixent_survey_cell;

typedef struct mixent_survey_column {
  bool all_words;                 /* the caller's: numbers are words here, too */
  bool labels;                    /* the caller's: it holds labels, of which "none" is never one */
  size_t numbers, words, missing; /* cells */
  size_t dates;                   /* of the words */
  mixent_survey_cell number, word, gap, point,
      comma;    /* the first of each; point, comma: numbers with a decimal point, comma */
  size_t nones; /* cells with "none", which is a word beside words and nothing beside numbers */
  mixent_survey_cell none;
  bool counts; /* each number is one more than that above it, a whole one */
  double last; /* of them */
  char **
      distinct; /* [distinct_count] words in normal form C, in the order of their bytes; MIXENT_MOST_CATEGORIES + 1 at most */
  int distinct_count;
} mixent_survey_column;

typedef struct mixent_survey {
  mixent_decimal decimal;        /* AUTO: both kinds of numbers count as such */
  mixent_survey_column *columns; /* [count] */
  size_t count, rows;
} mixent_survey;

mixent_status mixent_survey_create(size_t columns, mixent_decimal decimal, mixent_survey *out);
/* Takes in the rows of `csv` from the one that it has read last on. A row of another length is an error. */
mixent_status mixent_survey_rows(mixent_csv *csv, mixent_survey *survey);
void mixent_survey_free(mixent_survey *survey);

/* "origin:line:column: message"; returns MIXENT_ERROR_FORMAT. */
mixent_status mixent_survey_fail(const char *origin, const mixent_survey_cell *cell, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether most words of a column are dates; whether they are texts or names, hardly any of which occurs twice. */
bool mixent_survey_holds_dates(const mixent_survey_column *column);
bool mixent_survey_holds_text(const mixent_survey_column *column);

#endif
