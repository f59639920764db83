// What a fuzz target demands of the code under test. Stops the program where it does not hold, in any kind of build.
#pragma once

#include <cstdio>
#include <cstdlib>

#define MUST(condition)                                                               \
  do {                                                                                \
    if (!(condition)) {                                                               \
      std::fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                   \
    }                                                                                 \
  } while (false)
