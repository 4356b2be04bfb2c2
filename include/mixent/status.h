/* What every mixent function returns, and where to read what went wrong.
 * A library function never prints, never exits and never aborts on bad input. No pointer that it is given may be NULL, nor one
 * in a struct, unless the comment there says what NULL means; arrays have the sizes that stand in brackets. For a NULL that
 * may not be a function returns MIXENT_ERROR_ARGUMENT, or without a status NULL, 0, false or a struct of zeros, does nothing,
 * and says so in mixent_last_error(). What frees something takes NULL. */
#ifndef MIXENT_STATUS_H
#define MIXENT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mixent_status {
  MIXENT_OK = 0,
  MIXENT_ERROR_ARGUMENT,    /* the caller's values: out of range, unknown name, shapes that do not fit */
  MIXENT_ERROR_MEMORY,      /* memory could not be had */
  MIXENT_ERROR_IO,          /* the system refused: missing file, full disk, no permission, network */
  MIXENT_ERROR_FORMAT,      /* a file or text does not say what it should */
  MIXENT_ERROR_UNSUPPORTED, /* right, but this build or this processor cannot do it */
  MIXENT_ERROR_NUMERIC,     /* a value became NaN or infinite */
  MIXENT_ERROR_INTERRUPTED  /* the caller asked to stop; what was done is saved */
} mixent_status;

/* The message of the last failure in this thread (what, where, what to do); "" if there was none.
 * The text stays valid until the next failure in the same thread. */
const char *mixent_last_error(void);

/* The version of the library, "major.minor.patch". */
const char *mixent_version(void);

#ifdef __cplusplus
}
#endif
#endif
