/* Numbers as the words and tables of a comparison write them. */
#ifndef MIXENT_LAB_COMPARE_NUMBER_H
#define MIXENT_LAB_COMPARE_NUMBER_H

/* A short text by value, so that several can stand in one call: mixent_number_signed(x, 2).text. "-" for NaN. */
typedef struct mixent_number {
  char text[40];
} mixent_number;

mixent_number mixent_number_of(double value, int digits); /* "0.12", "−0.07", "2.100e+16"; never "−0.00" */
mixent_number mixent_number_signed(double value, int digits); /* "+0.12" */
mixent_number mixent_number_p(double p);                      /* "0.031", "< 0.0001" */

#endif
