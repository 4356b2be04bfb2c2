/* How the cells of a table become features: numbers as they are, words one-hot, gaps filled in. Fitted on the train rows of a data
 * set; a model keeps it, so that it reads other rows in the same way. */
#ifndef MIXENT_DATA_ENCODER_H
#define MIXENT_DATA_ENCODER_H

#include "mixent/data.h"

enum { MIXENT_MOST_CATEGORIES = 1024 };

/* A column. Where its cells are read they become one number each: a number itself; a category its index, -1 if it is not among
 * the words; NAN where nothing stands. */
typedef struct mixent_encoder_column {
  char *name;   /* in Unicode's normal form C; NULL: the table has no header */
  size_t place; /* its cell in a row of the table that was fitted on */
  bool category;
  char **words; /* [word_count] of a category, in the order of their bytes */
  int word_count;
  bool gaps;  /* train rows lack it somewhere: one feature more says where */
  float fill; /* what stands for a gap: the median, or the index of the most frequent word */
} mixent_encoder_column;

struct mixent_encoder {
  mixent_missing missing;
  mixent_separator separator; /* as the options asked, not as a file was found to be */
  mixent_decimal decimal;
  bool header;
  size_t cells, label; /* of a row of the table that was fitted on; which of them is the label */
  char *label_name;    /* of its column; NULL without a header */
  size_t count;
  mixent_encoder_column *columns; /* [count], in the order of the table */
};

mixent_status mixent_encoder_create(size_t columns, mixent_encoder **out);
mixent_status mixent_encoder_copy(const mixent_encoder *from, mixent_encoder **out);
/* Whether all columns stay as they are and are found without the encoder: numbers, no gap filled in, none left out by place. */
bool mixent_encoder_is_plain(const mixent_encoder *encoder);
/* The index of a word in normal form C; -1: not among them. */
int mixent_encoder_find(const mixent_encoder_column *column, const char *word);
/* "column 'age'", or by its number from 1. */
const char *mixent_encoder_column_text(const mixent_encoder_column *column, char out[128]);

/* Sets fill and gaps from the train rows [count, columns], and drops words that stand in none of them: their numbers change in
 * both parts. A column without a value in them is an error; `origin` names the table. */
mixent_status mixent_encoder_fit(mixent_encoder *encoder, const char *origin, mixent_images *train,
                                 mixent_images *test);
/* Features that the columns become. More than MIXENT_MOST_FEATURES is an error. */
mixent_status mixent_encoder_width(const mixent_encoder *encoder, const char *origin, int *out);
/* Numbers [count, columns] become features [count, width]. */
mixent_status mixent_encoder_apply(const mixent_encoder *encoder, const char *origin, mixent_images *images);
/* Names of the features [width]: "age", "age is missing", "colour=red". */
mixent_status mixent_encoder_names(const mixent_encoder *encoder, int width, char ***out);

/* As JSON on one line, free(*out), and back; `origin` names the text in messages. */
mixent_status mixent_encoder_write(const mixent_encoder *encoder, char **out);
mixent_status mixent_encoder_read(const char *text, const char *origin, mixent_encoder **out);

#endif
