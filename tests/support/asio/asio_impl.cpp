// sync/ports.hpp declares coroutines: also tests that link nobody who compiles Asio need it.
#include <boost/asio/impl/src.hpp>
