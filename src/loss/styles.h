/* Styles: the functions from raw parameters to weights. */
#ifndef MIXENT_LOSS_STYLES_H
#define MIXENT_LOSS_STYLES_H

#include "mixent/weights.h"

/* w_i of raw parameters t at u in [0, 1], and jacobian[i][k] = dw_i / dt_k, of the first `parts` parts. */
void mixent_style_weights(mixent_style style, int parts, const double t[], double u, double w[],
                          double jacobian[][MIXENT_LOSS_PARTS]);

#endif
