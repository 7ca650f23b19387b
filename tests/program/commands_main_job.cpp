#include <doctest/doctest.h>
#include "tests/program/support.hpp"
