/* The monotonic clock, for durations. */
#ifndef MIXENT_CORE_CLOCK_H
#define MIXENT_CORE_CLOCK_H

/* Seconds since some moment; never goes back. */
double mixent_seconds_now(void);

#endif
