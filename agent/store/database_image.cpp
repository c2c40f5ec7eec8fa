// SPDX-License-Identifier: Apache-2.0
// A SQLite VFS that reads one file, with pages of its WAL in place of its own:
// https://www.sqlite.org/c3ref/vfs.html. The header: https://www.sqlite.org/fileformat2.html.
#include "store/database_image.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>

#include "store/file_blocks.h"
#include "store/log_database.h"
#include "store/page_format.h"
#include "store/schema.h"
#include "store/schema_pages.h"
#include "store/segment_leaves.h"
#include "store/segment_row.h"
#include "store/wal_scan.h"

namespace vigile {

namespace {

void put(std::string& header, std::size_t at, std::string_view bytes) {
  header.replace(at, bytes.size(), bytes);
}

// The bytes of a header that are the same in every database of ours.
std::string as_ours(std::string header) {
  using namespace std::string_view_literals;
  put(header, 0, "SQLite format 3\0"sv);
  put(header, 16, std::string{static_cast<char>(kPageBytes >> 8), static_cast<char>(kPageBytes & 0xff)});
  put(header, 18, "\2\2\0\100\40\40"sv);  // WAL, nothing reserved, shares of a page
  put(header, 44, "\0\0\0\4"sv);          // schema format
  put(header, 56, "\0\0\0\1"sv);          // UTF-8
  return header;
}

std::string unique_name() {
  static std::atomic<std::uint64_t> made = 0;
  return "vigile-image-" + std::to_string(++made);
}

}  // namespace

struct ImageContent {
  ImageContent(const StoreFiles& files, const std::filesystem::path& database_path)
      : database(database_path),
        database_file(files, database_path),
        wal_file(files, database_path.string() + "-wal") {}

  // SQLite's result.
  int read(std::uint64_t offset, char* to, std::size_t bytes) {
    const std::uint64_t size = size_bytes();
    const std::size_t have =
        offset < size ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size - offset)) : 0;
    for (std::size_t done = 0; done < have;) {
      const std::uint64_t at = offset + done;
      const std::uint64_t within = at % page_bytes;
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(have - done, page_bytes - within));
      const auto page = static_cast<std::uint32_t>(at / page_bytes + 1);
      const auto made = mended_pages.find(page);
      if (made != mended_pages.end()) {
        std::memcpy(to + done, made->second.data() + within, count);
        done += count;
        continue;
      }
      const auto newer = wal.pages.find(page);
      const auto got = newer == wal.pages.end() ? database_file.read(at, to + done, count)
                                                : wal_file.read(newer->second + within, to + done, count);
      if (!got) return SQLITE_IOERR_READ;
      std::memset(to + done + *got, 0, count - *got);
      done += count;
    }
    // There is no WAL for SQLite to look for.
    for (const std::uint64_t at : {18U, 19U}) {
      if (at >= offset && at < offset + have && to[at - offset] == 2) to[at - offset] = 1;
    }
    if (have == bytes) return SQLITE_OK;
    std::memset(to + have, 0, bytes - have);
    return SQLITE_IOERR_SHORT_READ;
  }
  std::uint64_t size_bytes() const {
    const std::uint64_t size =
        wal.database_pages == 0 ? database_file.size() : std::uint64_t{wal.database_pages} * page_bytes;
    return mended_pages.empty() ? size : std::max(size, mended_pages.rbegin()->first * page_bytes);
  }

  const std::filesystem::path database;
  FileBlocks database_file;
  FileBlocks wal_file;
  WalContent wal;
  std::uint64_t page_bytes = kPageBytes;
  std::map<std::uint32_t, std::string> mended_pages;  // read in place of what is there
  std::optional<std::string> mended;                  // what that is
  const std::string vfs_name = unique_name();
  sqlite3_vfs vfs = {};
};

namespace {

struct ImageFile {
  sqlite3_file base;
  ImageContent* content;
};

ImageContent& content_of(sqlite3_file* file) {
  return *reinterpret_cast<ImageFile*>(file)->content;
}

sqlite3_vfs* system_vfs() {
  return sqlite3_vfs_find(nullptr);
}

int image_read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return content_of(file).read(static_cast<std::uint64_t>(at), static_cast<char*>(to),
                               static_cast<std::size_t>(bytes));
}

int image_size(sqlite3_file* file, sqlite3_int64* bytes) {
  *bytes = static_cast<sqlite3_int64>(content_of(file).size_bytes());
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = [](sqlite3_file*) { return SQLITE_OK; },
    .xRead = image_read,
    .xWrite = [](sqlite3_file*, const void*, int, sqlite3_int64) { return SQLITE_READONLY; },
    .xTruncate = [](sqlite3_file*, sqlite3_int64) { return SQLITE_READONLY; },
    .xSync = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xFileSize = image_size,
    .xLock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xCheckReservedLock =
        [](sqlite3_file*, int* is_reserved) {
          *is_reserved = 0;
          return SQLITE_OK;
        },
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_IMMUTABLE; },
};

int image_open(sqlite3_vfs* vfs, const char*, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  reinterpret_cast<ImageFile*>(file)->content = static_cast<ImageContent*>(vfs->pAppData);
  file->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
  return SQLITE_OK;
}

int image_full_path(sqlite3_vfs*, const char* name, int bytes, char* out) {
  sqlite3_snprintf(bytes, out, "%s", name);
  return SQLITE_OK;
}

int image_access(sqlite3_vfs*, const char*, int, int* is_there) {
  *is_there = 0;
  return SQLITE_OK;
}

void register_vfs(ImageContent& content) {
  content.vfs = {
      .iVersion = 1,
      .szOsFile = sizeof(ImageFile),
      .mxPathname = 4096,
      .zName = content.vfs_name.c_str(),
      .pAppData = &content,
      .xOpen = image_open,
      .xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_READONLY; },
      .xAccess = image_access,
      .xFullPathname = image_full_path,
      .xRandomness = [](sqlite3_vfs*, int bytes,
                        char* out) { return system_vfs()->xRandomness(system_vfs(), bytes, out); },
      .xSleep = [](sqlite3_vfs*, int) { return 0; },
      .xCurrentTime = [](sqlite3_vfs*, double* now) { return system_vfs()->xCurrentTime(system_vfs(), now); },
      .xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; },
  };
  sqlite3_vfs_register(&content.vfs, 0);
}

Result<Db> connect_to(const ImageContent& content) {
  auto db = Db::open(content.database, SQLITE_OPEN_READONLY, content.vfs_name.c_str());
  if (!db) return db;
  // The second asks for the schema, which may be damaged: then there is little to cache.
  (void)db->exec("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -256");
  return db;
}

// Whether what describes its tables reads, and says that they are ours; another program's do too, and are not
// to be read as anything else.
bool is_readable(Db& db) {
  const auto version = db.integer("PRAGMA user_version");
  const auto tables = db.integer("SELECT count(*) FROM sqlite_schema");
  if (!version || !tables) return false;
  if (*version == 0 || is_newer_schema(*version)) return *tables > 0;
  return db.prepare("SELECT seq, payload FROM segments") && db.prepare("SELECT value FROM meta") &&
         db.prepare("SELECT last_seq FROM progress");
}

// Whether some of the oldest segments pass their check.
bool holds_segments(Db& db) {
  (void)db.exec("PRAGMA writable_schema = ON");
  auto rows = db.prepare("SELECT " + std::string(kSegmentColumns) + " FROM segments ORDER BY seq LIMIT 100");
  if (!rows) return false;
  while (rows->step().value_or(false)) {
    if (is_intact(*rows)) return true;
  }
  return false;
}

bool has_counters(Db& db) {
  const MetaRows meta = read_meta(db);
  return meta.is_whole && !meta.values.empty();
}

// Behind the `count` pages that there are.
std::map<std::uint32_t, std::string> pages_for(const SchemaPages& schema, std::uint32_t count) {
  std::map<std::uint32_t, std::string> pages = {{1, schema.first}};
  for (const std::string& page : schema.rest)
    pages.emplace(count + static_cast<std::uint32_t>(pages.size()), page);
  return pages;
}

bool holds_both(Db& db) {
  return has_counters(db) && holds_segments(db);
}

}  // namespace

DatabaseImage::DatabaseImage(std::unique_ptr<ImageContent> content) : content_(std::move(content)) {}

DatabaseImage::~DatabaseImage() {
  sqlite3_vfs_unregister(&content_->vfs);
}

Result<std::unique_ptr<DatabaseImage>> DatabaseImage::open(const StoreFiles& files,
                                                           const std::filesystem::path& database) {
  auto content = std::make_unique<ImageContent>(files, database);
  char first = 0;
  if (auto readable = content->database_file.read(0, &first, 1); !readable) return readable.error();
  auto wal = scan_wal(content->wal_file);
  if (!wal) return wal.error();
  content->wal = std::move(*wal);
  if (content->wal.database_pages != 0) content->page_bytes = content->wal.page_bytes;
  register_vfs(*content);
  std::unique_ptr<DatabaseImage> image(new DatabaseImage(std::move(content)));
  const ImageContent& made = *image->content_;
  image->size_bytes_ = made.size_bytes();
  // It may have held newer pages than those that are left.
  image->is_stale_ = made.wal.is_stale || made.wal_file.unreadable();
  const StoreFiles::Kind wal_kind = files.kind(database.string() + "-wal");
  const bool is_wal_taken = wal_kind == StoreFiles::Kind::other || wal_kind == StoreFiles::Kind::dangling;
  if (is_wal_taken) {
    image->damage_ = database.string() + "-wal: is " +
                     (wal_kind == StoreFiles::Kind::other ? "no file" : "a link to nothing");
    image->is_stale_ = true;
  } else if (const auto unreadable = image->unreadable()) {
    if (!image->is_medium_there()) return Error{ErrorKind::io, *unreadable};
    image->damage_ = unreadable;
  } else if (made.wal.damage) {
    image->damage_ = database.string() + "-wal: " + *made.wal.damage;
  } else if (made.database_file.size() == 0 && made.wal.database_pages != 0) {
    // SQLite would take the WAL for the rest of another database, and delete it.
    image->damage_ = database.string() + ": is empty, but its WAL is not";
    image->is_stale_ = true;
  }
  return image;
}

// Rows in them were deleted.
std::set<std::uint32_t> DatabaseImage::free_pages() const {
  constexpr std::uint32_t kMostInTrunk = kPageBytes / 4 - 2;
  std::set<std::uint32_t> free;
  std::string page(kPageBytes, '\0');
  std::uint32_t trunk = 0;
  if (content_->read(0, page.data(), page.size()) == SQLITE_OK) trunk = number_at(page, 32);
  while (trunk != 0 && free.insert(trunk).second) {
    if (content_->read((trunk - 1) * std::uint64_t{kPageBytes}, page.data(), page.size()) != SQLITE_OK) break;
    const std::uint32_t count = std::min(number_at(page, 4), kMostInTrunk);
    for (std::uint32_t i = 0; i < count; ++i) free.insert(number_at(page, 8 + std::size_t{4} * i));
    trunk = number_at(page, 0);
  }
  return free;
}

Result<Db> DatabaseImage::connect_to_leaves(Db& db) {
  const Error none{ErrorKind::not_found, content_->database.string() + ": no segments are found"};
  const auto root =
      db.integer("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'segments'");
  if (!root || *root <= 1 || content_->page_bytes != kPageBytes) return none;
  const auto count = static_cast<std::uint32_t>(content_->size_bytes() / kPageBytes);
  const std::set<std::uint32_t> free = free_pages();
  std::vector<SegmentLeaf> leaves;
  std::string bytes(kPageBytes, '\0');
  for (std::uint32_t page = 2; page <= count; ++page) {
    if (free.contains(page)) continue;
    if (content_->read((page - 1) * std::uint64_t{kPageBytes}, bytes.data(), bytes.size()) != SQLITE_OK)
      continue;
    if (const auto seq = first_seq_of(bytes)) leaves.push_back({page, *seq});
  }
  if (leaves.empty()) return none;
  auto pages = tree_over(std::move(leaves), static_cast<std::uint32_t>(*root), count + 1);
  std::string& first = pages[1];
  first.resize(kPageBytes);
  if (content_->read(0, first.data(), first.size()) != SQLITE_OK) return none;
  put_number(first, 28, std::max(count, pages.rbegin()->first));
  for (auto& [page, made] : pages) content_->mended_pages[page] = std::move(made);
  auto connected = connect_to(*content_);
  if (connected) (void)connected->exec("PRAGMA writable_schema = ON");
  return connected;
}

std::optional<std::string> DatabaseImage::unreadable() const {
  const auto of_wal = content_->wal_file.unreadable();
  return of_wal ? of_wal : content_->database_file.unreadable();
}

bool DatabaseImage::is_medium_there() const {
  return content_->database_file.is_there() || content_->wal_file.is_there();
}

const std::optional<std::string>& DatabaseImage::mended() const {
  return content_->mended;
}

Result<Db> DatabaseImage::connect() {
  auto db = connect_to(*content_);
  if (!db || content_->mended || is_readable(*db)) return db;
  const auto try_with = [&](std::map<std::uint32_t, std::string> pages,
                            bool (*is_good)(Db&)) -> std::optional<Db> {
    content_->mended_pages = std::move(pages);
    auto mended = connect_to(*content_);
    if (mended && is_good(*mended)) return std::move(*mended);
    content_->mended_pages.clear();
    return std::nullopt;
  };
  std::string first(kPageBytes, '\0');
  if (content_->read(0, first.data(), first.size()) == SQLITE_IOERR_READ) return db;
  if (auto mended = try_with({{1, as_ours(first)}}, is_readable)) {
    content_->mended = content_->database.string() + ": its first 100 bytes are damaged";
    return std::move(*mended);
  }
  const auto count = static_cast<std::uint32_t>((content_->size_bytes() + kPageBytes - 1) / kPageBytes);
  const auto schemas = schema_pages(count);
  // Where the segments begin says little of where the other tables do. With the counters alone it is known at
  // least how much is lost.
  const std::string cause = content_->database.string() + ": what says where its tables are is damaged";
  for (bool (*is_good)(Db&) : {holds_both, holds_segments, has_counters}) {
    for (const SchemaPages& schema : schemas) {
      if (schema.first.empty()) continue;
      if (auto mended = try_with(pages_for(schema, count), is_good)) {
        content_->mended = cause;
        return std::move(*mended);
      }
    }
  }
  // As in a WAL whose database was emptied: no table is found from where it begins, and leaves are there.
  for (const SchemaPages& schema : schemas) {
    if (schema.first.empty()) continue;
    const auto pages = pages_for(schema, count);
    auto mended = try_with(pages, [](Db&) { return true; });
    if (!mended) continue;
    {
      auto leaves = connect_to_leaves(*mended);
      const bool is_good = leaves && holds_segments(*leaves);
      content_->mended_pages = is_good ? pages : decltype(pages)();
    }
    if (content_->mended_pages.empty()) continue;
    content_->mended = cause;
    return std::move(*mended);
  }
  return db;
}

}  // namespace vigile
