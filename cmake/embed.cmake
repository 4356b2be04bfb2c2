# embed_texts(TARGET ARRAY FILE...): puts text files into a generated C file of the target as
#   const mixent_embedded ARRAY[] = {{"vgg5", "…text…"}, …, {NULL, NULL}};       (names without directory and ending)
# declared by src/core/embedded.h. Every byte becomes an escape, so that quotes and UTF-8 pass. A file's change reruns
# CMake.
function(embed_texts target array)
  set(body "#include \"core/embedded.h\"\n#include <stddef.h>\nconst mixent_embedded ${array}[] = {\n")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WLE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${hex}")
    string(APPEND body "    {\"${name}\", \"${bytes}\"},\n")
  endforeach()
  string(APPEND body "    {NULL, NULL}};\n")
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${array}.c)
  file(CONFIGURE OUTPUT ${generated} CONTENT "${body}" @ONLY)
  target_sources(${target} PRIVATE ${generated})
endfunction()
