/* How large images stand on a contact sheet: about a hundred pixels, at which captions are easy to read. */
#ifndef MIXENT_CLI_SHEET_H
#define MIXENT_CLI_SHEET_H

static inline int mixent_sheet_scale(int side) {
  return side < 32 ? 3 : side < 64 ? 2 : 1;
}

#endif
