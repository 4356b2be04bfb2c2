# The parts of core that the small libraries hold, too: `status` is all that libmixent-loss needs, `status` and `numbers` all that
# libmixent-stats does. They need libm and Random123's headers.
set(core_of_status ${CMAKE_CURRENT_LIST_DIR}/locale.c ${CMAKE_CURRENT_LIST_DIR}/status.c ${CMAKE_CURRENT_LIST_DIR}/version.c)
set(core_of_numbers ${CMAKE_CURRENT_LIST_DIR}/memory.c ${CMAKE_CURRENT_LIST_DIR}/random.c)
mixent_objects(status mixent_core_status ${core_of_status})
