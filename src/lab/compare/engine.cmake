# The comparison engine: besides these objects it needs core's `status`, `numbers`, `text` and the room stats, and libm alone.
set(engine across.c calibration.c compare.c conclusion.c csv.c judge.c left_out.c lookup.c number.c pair.c text.c)
list(TRANSFORM engine PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
mixent_objects(comparison mixent_lab_comparison ${engine})
