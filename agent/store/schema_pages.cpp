// SPDX-License-Identifier: Apache-2.0
// The format: https://www.sqlite.org/fileformat2.html, "B-tree Pages".
#include "store/schema_pages.h"

#include <memory>

#include "store/log_database.h"
#include "store/page_format.h"
#include "store/schema.h"

namespace vigile {

namespace {

constexpr std::size_t kPage = kPageBytes;
constexpr std::size_t kTree = 100;  // where the tree begins in the first page

SchemaPages pages_of(Db& db, std::uint32_t database_pages) {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> bytes(
      sqlite3_serialize(db.handle(), "main", &size, 0), sqlite3_free);
  if (!bytes) return {};
  const std::string all(reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(size));
  SchemaPages pages{.first = all.substr(0, kPage)};
  // Each page below it stands where its number is: in a cell, or in the head of the tree.
  if (pages.first.at(kTree) == kInteriorPage) {
    std::vector<std::size_t> places = {kTree + 8};
    const std::uint32_t cells = number_at(pages.first, kTree + 3, 2);
    for (std::size_t i = 0; i < cells; ++i) places.push_back(number_at(pages.first, kTree + 12 + 2 * i, 2));
    for (const std::size_t at : places) {
      const std::uint32_t child = number_at(pages.first, at);
      pages.rest.push_back(all.substr((child - 1) * kPage, kPage));
      put_number(pages.first, at, database_pages + static_cast<std::uint32_t>(pages.rest.size()));
    }
  }
  put_number(pages.first, 28, database_pages + static_cast<std::uint32_t>(pages.rest.size()));
  return pages;
}

}  // namespace

std::array<SchemaPages, 2> schema_pages(std::uint32_t database_pages) {
  std::array<SchemaPages, 2> pages;
  auto db = Db::open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!db || !db->exec("PRAGMA page_size = " + std::to_string(kPageBytes))) return pages;
  if (!migrate(*db, migrations())) return pages;
  pages[0] = pages_of(*db, database_pages);
  if (db->exec("VACUUM")) pages[1] = pages_of(*db, database_pages);
  return pages;
}

}  // namespace vigile
