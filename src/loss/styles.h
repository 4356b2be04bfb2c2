/* Styles: the functions from raw parameters to weights. */
#ifndef MIXENT_LOSS_STYLES_H
#define MIXENT_LOSS_STYLES_H

#include "mixent/loss.h"

/* w_i of raw parameters t at u in [0, 1], and jacobian[i][k] = dw_i / dt_k. */
void mixent_style_weights(mixent_style style, const double t[2], double u, double w[2],
                          double jacobian[2][2]);

#endif
