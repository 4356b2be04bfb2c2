/* Numbers as words and tables write them: a minus sign for a hyphen, no minus before zero. */
#include "lab/compare/number.h"
#include "core/locale.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* What is so large that its digits say nothing has an exponent: in full it would be cut. */
static const double largest = 1e15;

/* `sign`: of a number that is not shown as zero. */
static mixent_number write(const char *sign, double size, int digits) {
  mixent_number number = {""};
  bool large = size >= largest;
  mixent_print(number.text, sizeof number.text, large ? "%.*e" : "%.*f", large ? 3 : digits, size);
  if (strspn(number.text, "0.") == strlen(number.text)) return number;
  mixent_print(number.text, sizeof number.text, large ? "%s%.*e" : "%s%.*f", sign, large ? 3 : digits, size);
  return number;
}

mixent_number mixent_number_of(double value, int digits) {
  return isfinite(value) ? write(value < 0 ? "−" : "", fabs(value), digits) : (mixent_number){"-"};
}

mixent_number mixent_number_signed(double value, int digits) {
  return value > 0 && isfinite(value) ? write("+", value, digits) : mixent_number_of(value, digits);
}

mixent_number mixent_number_p(double p) {
  mixent_number number = {"-"};
  if (p < 0.0001)
    mixent_print(number.text, sizeof number.text, "< 0.0001");
  else if (p >= 0.1)
    mixent_print(number.text, sizeof number.text, "%.2f", p);
  else if (p < 0.1)
    mixent_print(number.text, sizeof number.text, "%.*f", p < 0.001 ? 5 : p < 0.01 ? 4 : 3, p);
  return number;
}
