#include <malloc.h>
#include <sqlite3.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

// Memory for a program that has one thread and plays the same few things a million times: a list of free
// blocks for each size, and nothing is ever given back. The general allocator took a fifth of the time.
// Linked into the program alone, where nothing looks for mistakes in the use of memory; the tests have the
// general one.

namespace usersyncd::simulate {
namespace {

constexpr std::size_t fine = 16;          // steps of the sizes up to `coarse`; above it they double
constexpr std::size_t coarse = 1024;      //
constexpr std::size_t largest = 32'768;   // what is larger is left to malloc
constexpr std::size_t slab = 65'536;      // blocks of one size lie together
constexpr std::size_t slabs = 1U << 17U;  // of address space; memory is taken only as it is touched

constexpr std::size_t class_of(std::size_t size) {
  if (size <= coarse) return (size + fine - 1) / fine;
  return coarse / fine + std::bit_width((size - 1) / coarse);
}

constexpr std::size_t size_of(std::size_t size_class) {
  return size_class <= coarse / fine ? size_class * fine : coarse << (size_class - coarse / fine);
}

constexpr std::size_t classes = class_of(largest) + 1;

struct Block {
  Block* next;
};

struct Pool {
  char* base = nullptr;
  std::size_t slabs_taken = 0;
  std::array<Block*, classes> free{};
  std::array<char*, classes> fresh{};  // what was never used of the newest slab of a size
  std::array<char*, classes> end{};    // of that slab
  std::array<unsigned char, slabs> class_of_slab{};
};

// Used before any constructor has run, and after every destructor.
constinit Pool pool;

void* refill(std::size_t size_class) {
  if (pool.base == nullptr) {
    void* space = mmap(nullptr, slab * slabs, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return nullptr;
    pool.base = static_cast<char*>(space);
  }
  const auto size = size_of(size_class);
  if (pool.fresh[size_class] == pool.end[size_class]) {
    if (pool.slabs_taken == slabs) return nullptr;
    pool.class_of_slab[pool.slabs_taken] = static_cast<unsigned char>(size_class);
    pool.fresh[size_class] = pool.base + slab * pool.slabs_taken++;
    pool.end[size_class] = pool.fresh[size_class] + slab / size * size;
  }
  void* block = pool.fresh[size_class];
  pool.fresh[size_class] += size;
  return block;
}

void* take(std::size_t size) {
  if (size > largest) return std::malloc(size);
  const auto size_class = class_of(std::max<std::size_t>(size, 1));
  Block* block = pool.free[size_class];
  if (block == nullptr) return refill(size_class);
  pool.free[size_class] = block->next;
  return block;
}

bool is_of_pool(const void* memory, std::size_t& size_class) {
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(memory) - pool.base);
  if (offset >= slab * slabs) return false;
  size_class = pool.class_of_slab[offset / slab];
  return true;
}

void give(void* memory) {
  std::size_t size_class = 0;
  if (!is_of_pool(memory, size_class)) return std::free(memory);
  pool.free[size_class] = new (memory) Block{pool.free[size_class]};
}

void sqlite_give(void* memory) {
  give(memory);
}

void* sqlite_take(int size) {
  return take(static_cast<std::size_t>(size));
}

int sqlite_size(void* memory) {
  std::size_t size_class = 0;
  if (memory == nullptr) return 0;
  return static_cast<int>(is_of_pool(memory, size_class) ? size_of(size_class) : malloc_usable_size(memory));
}

void* sqlite_retake(void* memory, int size) {
  const auto wanted = static_cast<std::size_t>(size);
  const auto had = static_cast<std::size_t>(sqlite_size(memory));
  if (wanted <= had && had < 2 * wanted) return memory;
  void* next = take(wanted);
  if (next == nullptr) return nullptr;
  std::memcpy(next, memory, std::min(wanted, had));
  give(memory);
  return next;
}

int sqlite_round_up(int size) {
  const auto wanted = static_cast<std::size_t>(size);
  return static_cast<int>(wanted > largest ? (wanted + fine - 1) / fine * fine
                                           : size_of(class_of(std::max<std::size_t>(wanted, 1))));
}

int sqlite_begin(void*) {
  return SQLITE_OK;
}

void sqlite_end(void*) {}

// SQLite's memory must be settled before anything else of it is used.
[[maybe_unused]] const bool lent_to_sqlite = [] {
  sqlite3_mem_methods methods{sqlite_take,     sqlite_give,  sqlite_retake, sqlite_size,
                              sqlite_round_up, sqlite_begin, sqlite_end,    nullptr};
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) std::abort();
  return true;
}();

}  // namespace
}  // namespace usersyncd::simulate

void* operator new(std::size_t size) {
  void* memory = usersyncd::simulate::take(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept {
  usersyncd::simulate::give(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  usersyncd::simulate::give(memory);
}
