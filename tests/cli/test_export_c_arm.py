"""`mixent export --c --int8` on a microcontroller: conv3 runs on an emulated STM32F405 (Cortex-M4, 1 MB of flash, 128 KB of memory)
without any library and says what the same file says on this machine. Needs Debian's gcc-arm-none-eabi and qemu-system-arm
(tools/install-dependencies cortex)."""
import re
import shutil
import subprocess

import numpy
import pytest

from test_export_c import COMPILERS, ROWS, STRICT, answer, compile_file, export

MISSING = [name for name in ("arm-none-eabi-gcc", "qemu-system-arm") if not shutil.which(name)]
pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)}: not installed (tools/install-dependencies cortex)")]
FLASH, MEMORY = 1 << 20, 128 << 10
PROCESSOR = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]

LINKER = f"""
ENTRY(start)
MEMORY {{ flash (rx) : ORIGIN = 0x08000000, LENGTH = {FLASH}   memory (rw) : ORIGIN = 0x20000000, LENGTH = {MEMORY} }}
SECTIONS {{
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} > flash
  .ARM.exidx : {{ *(.ARM.exidx*) }} > flash
  .data : {{ *(.data*) }} > memory AT > flash
  .bss : {{ bss = .; *(.bss*) *(COMMON) bss_end = .; }} > memory
  stack = ORIGIN(memory) + LENGTH(memory);
}}
"""

# Starts the processor, classifies each image, and prints by semihosting what it found, as bits of floats.
MAIN = r"""
#define LETTERS_DECLARATIONS
#include "x.c"
#include <stddef.h>
#include <stdint.h>
static const unsigned char images[%d][letters_side * letters_side * letters_channels] = {%s};
extern char bss[], bss_end[], stack[];
void *memset(void *to, int value, size_t count) { char *c = to; while (count--) *c++ = (char)value; return to; }
void *memcpy(void *to, const void *from, size_t count) {
  char *c = to; const char *f = from; while (count--) *c++ = *f++; return to; }
static int host(int call, const void *argument) {
  register int r0 __asm__("r0") = call; register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static void print(uint32_t bits) {
  char text[] = "00000000 "; int d;
  for (d = 0; d < 8; d++) text[d] = "0123456789abcdef"[bits >> (28 - 4 * d) & 15];
  host(4, text);
}
void start(void) {
  static float values[letters_classes];
  union { float value; uint32_t bits; } one;
  int row, k;
  char *c;
  *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* the unit for floats */
  __asm__ volatile("dsb\n isb");
  for (c = bss; c < bss_end; c++) *c = 0;
  for (row = 0; row < %d; row++) {
    const int chosen = letters_classify(images[row], values);
    for (k = 0; k < letters_classes; k++) one.value = values[k], print(one.bits);
    print((uint32_t)chosen);
    host(4, "\n");
  }
  host(0x18, (const void *)0x20026); /* the program has ended */
  for (;;) { }
}
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {stack, (void *)start};
"""


def test_conv3_in_8_bits_on_a_cortex_m4(tmp_path):
    given, _, _, constants, memory = export(tmp_path, "conv3", 1, 28, 26, kind="int8")
    compile_file(tmp_path, COMPILERS[0], "-shared", "-fPIC")
    _, here, chosen_here = answer(tmp_path, given, 26)
    images = ",".join("{" + ",".join(map(str, row)) + "}" for row in given)
    (tmp_path / "main.c").write_text(MAIN % (ROWS, images, ROWS))
    (tmp_path / "link.ld").write_text(LINKER)
    subprocess.run(["arm-none-eabi-gcc", *STRICT, *PROCESSOR, "-O2", "-c", "x.c"], cwd=tmp_path, check=True)
    subprocess.run(["arm-none-eabi-gcc", *PROCESSOR, "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-O2", "-c", "main.c"], cwd=tmp_path,
                   check=True)
    subprocess.run(["arm-none-eabi-gcc", *PROCESSOR, "-nostdlib", "-T", "link.ld", "main.o", "x.o", "-lgcc", "-o", "main.elf"], cwd=tmp_path,
                   check=True)
    size = subprocess.run(["arm-none-eabi-size", "x.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split("\n")[1].split()
    text, data, bss = map(int, size[:3])
    assert data == 0 and bss == memory and constants < text < constants + 6000, size
    done = subprocess.run(["qemu-system-arm", "-machine", "netduinoplus2", "-nographic", "-monitor", "none", "-serial", "none",
                           "-semihosting-config", "enable=on,target=native", "-kernel", "main.elf"], cwd=tmp_path, capture_output=True,
                          text=True, timeout=120)
    lines = [line.split() for line in (done.stdout + done.stderr).splitlines() if re.fullmatch(r"([0-9a-f]{8} ?)+", line)]
    there = numpy.array([[int(word, 16) for word in line] for line in lines], numpy.uint32)
    assert there.shape == (ROWS, 27), done.stdout + done.stderr
    numpy.testing.assert_allclose(there[:, :26].copy().view(numpy.float32), here, atol=1e-5, rtol=0)
    assert there[:, 26].tolist() == chosen_here
