/* Numbers as words and tables write them: a minus sign for a hyphen, no minus before zero. */
#include "lab/compare/number.h"
#include "core/locale.h"

#include <math.h>
#include <string.h>

mixent_number mixent_number_of(double value, int digits) {
  mixent_number number = {"-"};
  if (!isfinite(value)) return number;
  mixent_print(number.text, sizeof number.text, "%.*f", digits, fabs(value));
  if (value >= 0 || strspn(number.text, "0.") == strlen(number.text)) return number;
  mixent_print(number.text, sizeof number.text, "−%.*f", digits, -value);
  return number;
}

mixent_number mixent_number_signed(double value, int digits) {
  mixent_number number = mixent_number_of(value, digits);
  if (!(value > 0) || strspn(number.text, "0.") == strlen(number.text)) return number;
  mixent_print(number.text, sizeof number.text, "+%.*f", digits, value);
  return number;
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
