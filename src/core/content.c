/* The kinds of files that people take for another, by their first bytes. A line more is all that another kind needs. */
#include "core/content.h"
#include "core/file.h"
#include "core/locale.h"

#include <stdbool.h>
#include <string.h>

#define PYTORCH "a checkpoint of PyTorch; 'python -m mixent.convert' makes it one of mixent"
#define PACKED  "compressed data; unpack it"

typedef struct content_kind {
  const char *magic;
  size_t length;
  const char *name; /* and what to do */
} content_kind;

static const content_kind kinds[] = {
    {"version https://git-lfs", 23, "a Git LFS pointer; fetch the file itself with 'git lfs pull'"},
    {"\x89PNG\r\n\x1a\n", 8, "a PNG image"},
    {"\xff\xd8\xff", 3, "a JPEG image"},
    {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15, PYTORCH}, /* before PyTorch 1.6 */
    {"PK\x03\x04", 4, "a zip archive"},
    {"\xff\xfe", 2, "text in UTF-16; save it in UTF-8"},
    {"\xfe\xff", 2, "text in UTF-16; save it in UTF-8"},
    {"\x93NUMPY", 6, "a NumPy array (.npy)"},
    {"\x1f\x8b", 2, PACKED},
    {"BZh91AY&SY", 10, PACKED},
    {"\xfd\x37zXZ", 6, PACKED}, /* with its zero */
    {"7z\xbc\xaf", 4, PACKED}};

static const char *const web_pages[] = {"<!doctype html", "<html", "<head", "<?xml", "<!--"};

static bool is_web_page(const char *text, size_t size) {
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3;
  while (size && strchr(" \t\r\n", *text) && *text) text++, size--;
  for (size_t i = 0; i < sizeof web_pages / sizeof *web_pages; i++) {
    size_t length = strlen(web_pages[i]);
    if (size >= length && mixent_same_letters(text, web_pages[i], length)) return true;
  }
  return false;
}

/* torch.save's archives begin with NAME/data.pkl; the name of a member stands at byte 30, its length at 26. */
static bool is_pytorch(const unsigned char *bytes, size_t size) {
  static const char member[] = "/data.pkl";
  const size_t least = sizeof member - 1;
  size_t length = size >= 30 ? bytes[26] + 256U * bytes[27] : 0;
  return length >= least && size >= 30 + length && memcmp(bytes, "PK\x03\x04", 4) == 0 &&
         memcmp(bytes + 30 + length - least, member, least) == 0;
}

/* The version of the format (field 1, a small number), and the producer's name (field 2). */
static bool is_onnx(const unsigned char *bytes, size_t size) {
  return size > 3 && bytes[0] == 8 && bytes[1] < 64 && bytes[2] == 0x12;
}

/* A length of 64 bits, and a header of JSON. */
static bool is_safetensors(const unsigned char *bytes, size_t size) {
  return size > 10 && bytes[8] == '{' && bytes[9] == '"' && !bytes[5] && !bytes[6] && !bytes[7];
}

static bool is_text(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size && i < 512; i++)
    if ((bytes[i] < ' ' && (!bytes[i] || !strchr("\t\n\r\f", bytes[i]))) || bytes[i] == 0x7f) return false;
  return true;
}

static const char *find_kind(const void *bytes, size_t size) {
  if (!size) return NULL;
  if (is_web_page(bytes, size)) return "a web page; download the file itself";
  if (is_pytorch(bytes, size)) return PYTORCH;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (size >= kinds[i].length && memcmp(bytes, kinds[i].magic, kinds[i].length) == 0) return kinds[i].name;
  if (is_onnx(bytes, size)) return "an ONNX file";
  return is_safetensors(bytes, size) ? "a safetensors file" : NULL;
}

static mixent_status refuse(const char *origin, const char *wanted, const char *kind) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected %s, got %s", origin, wanted, kind);
}

mixent_status mixent_content_check_text(const char *origin, const void *bytes, size_t size,
                                        const char *wanted) {
  const char *kind = find_kind(bytes, size);
  return kind && strcmp(kind, wanted) != 0 ? refuse(origin, wanted, kind) : MIXENT_OK;
}

mixent_status mixent_content_check(const char *origin, const void *bytes, size_t size, const char *wanted) {
  MIXENT_TRY(mixent_content_check_text(origin, bytes, size, wanted));
  if (!size) return refuse(origin, wanted, "an empty file (0 bytes); copy or download it again");
  return is_text(bytes, size) ? refuse(origin, wanted, "a text file") : MIXENT_OK;
}

mixent_status mixent_content_check_file(const char *path, const char *wanted) {
  char head[512];
  FILE *stream;
  MIXENT_TRY(mixent_file_open(path, &stream));
  size_t count = fread(head, 1, sizeof head, stream);
  mixent_status status =
      ferror(stream) ? mixent_fail_errno("read", path) : mixent_content_check_text(path, head, count, wanted);
  fclose(stream);
  return status;
}
