# The parts of core that the small libraries hold, too: `status` is all that libmixent-loss needs; libmixent-stats needs `numbers` besides, and
# threads.c built without OpenMP. They need libm alone.
mixent_objects(status mixent_core_status ${CMAKE_CURRENT_LIST_DIR}/locale.c ${CMAKE_CURRENT_LIST_DIR}/status.c
               ${CMAKE_CURRENT_LIST_DIR}/version.c)
mixent_objects(numbers mixent_core_numbers ${CMAKE_CURRENT_LIST_DIR}/memory.c ${CMAKE_CURRENT_LIST_DIR}/random.c
               ${CMAKE_CURRENT_LIST_DIR}/system.c)
# `text` lays text out for people; the comparison engine needs it.
mixent_objects(text mixent_core_text ${CMAKE_CURRENT_LIST_DIR}/cell.c ${CMAKE_CURRENT_LIST_DIR}/layout.c
               ${CMAKE_CURRENT_LIST_DIR}/printable.c ${CMAKE_CURRENT_LIST_DIR}/utf8.c)
mixent_objects(one_thread mixent_core_one_thread ${CMAKE_CURRENT_LIST_DIR}/threads.c)
