// Hashes of bytes, for tables in memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace detector {

// Whoever writes a log chooses its texts: with a seed that they do not know they cannot choose texts that collide.
using Seed = std::uint64_t;

Seed random_seed();

inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_of(std::string_view text, Seed seed) {
  constexpr std::uint64_t kFirst = 0xa0761d6478bd642f, kSecond = 0xe7037ed1a0b428db;  // of wyhash
  std::uint64_t hash = folded_product(seed ^ kFirst, text.size() ^ kSecond);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    hash = folded_product(hash ^ word ^ seed, kFirst);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, at, left);
  return folded_product(hash ^ word, kSecond ^ seed);
}

}  // namespace detector
