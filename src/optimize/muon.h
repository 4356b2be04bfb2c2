/* Muon (Jordan et al. 2024): the momentum of a convolution's weights, as a matrix of one row per filter, is replaced by the nearest
 * matrix with orthogonal rows (or columns), by Newton-Schulz iterations. As in airbench, the filters are first brought to a mean
 * square norm of 1. Other parameters go by SGD. */
#ifndef MIXENT_OPTIMIZE_MUON_H
#define MIXENT_OPTIMIZE_MUON_H

#include "optimize/optimizer.h"

/* Floats of room that orthogonalising the largest matrix of the segments takes. */
size_t mixent_muon_room(const mixent_optimizer_segment *segments, size_t count);

/* x [rows, columns] becomes what three iterations make of x / |x|:  x <- a x + (b A + c A A) x,  A = x x',
 * a, b, c = 3.4445, -4.7750, 2.0315. Its singular values end near 1. */
void mixent_muon_orthogonalise(mixent_matrix_multiply *multiply, size_t rows, size_t columns, float *x,
                               float *room);

/* For each segment that is a matrix: momentum into state, the direction of the step into direction [parameters]; theta is scaled. */
void mixent_muon_directions(const mixent_optimizer *optimizer, float *theta, const float *gradient,
                            float *state);

#endif
