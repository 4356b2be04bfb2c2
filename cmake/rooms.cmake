# Rooms: the directories of src/, each compiled once as object libraries; libraries and the program are collections of rooms.

# mixent_room(NAME [USES ROOM...] [HEADERS FILE...] [LIBRARIES TARGET...] [EXCEPT FILE...]): every .c file of the directory, but for those
# that are compiled in another way (EXCEPT).
#   USES        the rooms whose headers and functions it may use; tools/rooms holds the code to this list, and the list to the code
#   HEADERS     the public headers (include/mixent/) whose functions it defines
#   LIBRARIES   libraries outside of the project whose headers it includes
function(mixent_room name)
  cmake_parse_arguments(room "" "" "USES;HEADERS;LIBRARIES;EXCEPT" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.c)
  list(TRANSFORM room_EXCEPT PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(REMOVE_ITEM sources ${room_EXCEPT} "")
  mixent_objects(${name} mixent_${name} ${sources})
  target_link_libraries(mixent_${name} PRIVATE ${room_LIBRARIES})
endfunction()

# mixent_objects(ROOM TARGET FILE...): files compiled as the object library TARGET, a part of the room.
function(mixent_objects room target)
  add_library(${target} OBJECT ${ARGN})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(${target} PRIVATE MIXENT_VERSION="${PROJECT_VERSION}")
  set_property(GLOBAL APPEND PROPERTY mixent_objects_${room} $<TARGET_OBJECTS:${target}>)
endfunction()

# mixent_library(NAME SHARED|STATIC ROOM...): a library of those rooms' objects, with the public headers.
function(mixent_library name kind)
  foreach(room ${ARGN})
    get_property(objects GLOBAL PROPERTY mixent_objects_${room})
    list(APPEND all ${objects})
  endforeach()
  add_library(${name} ${kind} ${all})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
  target_link_libraries(${name} PUBLIC m)
endfunction()

# mixent_public_library(NAME EXPORTS ROOM...): libNAME, static (NAME-static) and shared (NAME-shared) with a SONAME; outside of the shared
# one only what the file EXPORTS lists can be called.
function(mixent_public_library name exports)
  foreach(kind SHARED STATIC)
    string(TOLOWER ${name}-${kind} target)
    mixent_library(${target} ${kind} ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION}
                          SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  endforeach()
  set_target_properties(${name}-shared PROPERTIES EXPORT_NAME ${name} LINK_DEPENDS ${exports})
  target_link_options(${name}-shared PRIVATE -Wl,--version-script=${exports})
  if(NOT MIXENT_SANITIZE) # a sanitizer's functions come with the program
    target_link_options(${name}-shared PRIVATE -Wl,-z,defs)
  endif()
endfunction()
