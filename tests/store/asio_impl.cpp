// sync/ports.hpp declares coroutines, and these tests link nobody who compiles Asio.
#include <boost/asio/impl/src.hpp>
