/* A comparison in words, for compare.c; and numbers as its words and tables write them. */
#ifndef MIXENT_LAB_COMPARE_CONCLUSION_H
#define MIXENT_LAB_COMPARE_CONCLUSION_H

#include "lab/compare/compare.h"

/* Sets pair->conclusion and pair->calibration. */
mixent_status mixent_compare_conclude(const mixent_comparison *comparison, size_t data,
                                      mixent_compare_pair *pair);

/* A short text by value, so that several can stand in one call: mixent_number_signed(x, 2).text. "-" for NaN. */
typedef struct mixent_number {
  char text[40];
} mixent_number;

mixent_number mixent_number_of(double value, int digits);     /* "0.12", "−0.07"; never "−0.00" */
mixent_number mixent_number_signed(double value, int digits); /* "+0.12" */
mixent_number mixent_number_p(double p);                      /* "0.031", "< 0.0001" */
/* Digits of points of accuracy: 2, or more where the difference worth seeing would vanish. */
int mixent_points_digits(const mixent_comparison *comparison);

#endif
