/* The monotonic clock, for durations, and a sleep. */
#ifndef MIXENT_CORE_CLOCK_H
#define MIXENT_CORE_CLOCK_H

/* Seconds since some moment; never goes back. */
double mixent_seconds_now(void);

/* Sleeps; a signal may end it sooner. */
void mixent_seconds_sleep(double seconds);

#endif
