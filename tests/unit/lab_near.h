/* For the lab's tests: relative nearness, lengths of golden tables, and that a call failed with words. */
#ifndef LAB_NEAR_H
#define LAB_NEAR_H

#include <math.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define assert_near(value, wanted, relative)                                                                 \
  do {                                                                                                       \
    double value_ = (value), wanted_ = (wanted);                                                             \
    if (!(fabs(value_ - wanted_) <= (relative)*fabs(wanted_) + 1e-300))                                      \
      fail_msg("%s:%d: %.17g is not %.17g", __FILE__, __LINE__, value_, wanted_);                            \
  } while (0)

#define assert_refused(call, status, words)                                                                  \
  do {                                                                                                       \
    assert_int_equal(call, status);                                                                          \
    if (!strstr(mixent_last_error(), words))                                                                 \
      fail_msg("\"%s\" does not say \"%s\"", mixent_last_error(), words);                                    \
  } while (0)

#endif
