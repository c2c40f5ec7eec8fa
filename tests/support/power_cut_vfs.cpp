// SPDX-License-Identifier: Apache-2.0
#include "support/power_cut_vfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

namespace vigile {

namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kLocks = SQLITE_SHM_NLOCK;

}  // namespace

struct PowerCutDisk::File {
  std::string now;
  std::string synced;
  // What sectors held since the last sync; `doubtful`: before a sync that failed.
  std::map<std::size_t, std::vector<std::string>> dirty;
  std::map<std::size_t, std::vector<std::string>> doubtful;
  std::vector<std::size_t> sizes;

  // Locks of the file and of the WAL's index, both within the process.
  std::set<Handle*> shared;
  Handle* reserved = nullptr;
  Handle* exclusive = nullptr;  // or pending
  std::vector<std::unique_ptr<std::array<char, 32768>>> index;
  std::array<std::set<Handle*>, kLocks> index_shared;
  std::array<Handle*, kLocks> index_exclusive{};

  void note(std::size_t from, std::size_t to) {
    for (std::size_t sector = from / kSector; sector * kSector < to; ++sector) {
      const std::size_t at = sector * kSector;
      dirty[sector].push_back(at < now.size() ? now.substr(at, kSector) : "");
    }
    if (sizes.empty() || sizes.back() != now.size()) sizes.push_back(now.size());
  }
  void write(std::size_t at, const char* data, std::size_t bytes) {
    if (now.size() < at + bytes) now.resize(at + bytes);
    now.replace(at, bytes, data, bytes);
    note(at, at + bytes);
  }
  void truncate(std::size_t bytes) {
    const std::size_t before = now.size();
    now.resize(bytes);
    note(bytes, std::max(before, bytes));
  }
  static void put(std::string& content, std::size_t sector, const std::string& bytes) {
    const std::size_t at = sector * kSector;
    if (bytes.empty()) return;
    if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
    content.replace(at, bytes.size(), bytes);
  }
  void sync() {
    synced.resize(now.size());
    for (const auto& [sector, versions] : dirty) {
      put(synced, sector, versions.back());
      doubtful.erase(sector);
    }
    synced.resize(now.size());
    dirty.clear();
    sizes.clear();
  }
  void fail_sync() {
    for (auto& [sector, versions] : dirty) {
      auto& all = doubtful[sector];
      all.insert(all.end(), versions.begin(), versions.end());
    }
    dirty.clear();
  }
  std::string cut(Keep keep, std::mt19937_64& random) const {
    if (keep == Keep::none) return synced;
    if (keep == Keep::all) return now;
    std::vector<std::size_t> lengths = sizes;
    lengths.push_back(synced.size());
    const std::size_t length = lengths[static_cast<std::size_t>(random() % lengths.size())];
    std::string left = synced;
    if (length > left.size()) {
      const char filler = random() % 2 == 0 ? '\0' : static_cast<char>(random());
      left.resize(length, filler);
    }
    const std::uint64_t share = random() % 5;
    for (const auto* const versions : {&doubtful, &dirty}) {
      for (const auto& [sector, held] : *versions) {
        if (random() % 5 <= share) put(left, sector, held[static_cast<std::size_t>(random() % held.size())]);
      }
    }
    left.resize(length);
    return left;
  }
};

struct PowerCutDisk::Handle {
  sqlite3_file base;  // first: SQLite's view
  PowerCutDisk* disk;
  std::shared_ptr<File>* file;
  std::string* path;
  bool syncs_directory;
};

// SQLite's calls.
struct PowerCutCalls {
  using Disk = PowerCutDisk;
  using Op = Disk::Op;
  using Fault = Disk::Fault;

  static Disk::Handle& of(sqlite3_file* file) { return *reinterpret_cast<Disk::Handle*>(file); }
  static Disk& of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }
  static Disk::File& file_of(sqlite3_file* file) { return **of(file).file; }
  static Fault ask(sqlite3_file* file, Op op, sqlite3_int64 at = 0, int bytes = 0) {
    return of(file).disk->ask(
        {op, *of(file).path, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(bytes)});
  }

  static int close(sqlite3_file* file) {
    unlock(file, SQLITE_LOCK_NONE);
    shm_unmap(file, 0);
    delete of(file).file;
    delete of(file).path;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
    if (ask(file, Op::read, at, bytes) != Fault::none) return SQLITE_IOERR_READ;
    const std::string& now = file_of(file).now;
    const auto from = static_cast<std::size_t>(at);
    const auto wanted = static_cast<std::size_t>(bytes);
    const std::size_t have = from < now.size() ? std::min(wanted, now.size() - from) : 0;
    if (have > 0) std::memcpy(to, now.data() + from, have);
    if (have == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + have, 0, wanted - have);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    const Fault fault = ask(file, Op::write);
    auto count = static_cast<std::size_t>(bytes);
    if (fault == Fault::short_write) count = count / 3;
    if (fault == Fault::none || fault == Fault::short_write)
      file_of(file).write(static_cast<std::size_t>(at), static_cast<const char*>(from), count);
    // As the "unix" VFS does: a short write is a full disk.
    return fault == Fault::none ? SQLITE_OK : fault == Fault::io ? SQLITE_IOERR_WRITE : SQLITE_FULL;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 bytes) {
    if (ask(file, Op::truncate) != Fault::none) return SQLITE_IOERR_TRUNCATE;
    file_of(file).truncate(static_cast<std::size_t>(bytes));
    return SQLITE_OK;
  }
  static int sync(sqlite3_file* file, int) {
    if (ask(file, Op::sync) != Fault::none) {
      file_of(file).fail_sync();
      return SQLITE_IOERR_FSYNC;
    }
    file_of(file).sync();
    Disk::Handle& handle = of(file);
    if (handle.syncs_directory) {
      handle.disk->synced_names_ = handle.disk->names_;
      handle.disk->unsynced_.clear();
      handle.syncs_directory = false;
    }
    return SQLITE_OK;
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* bytes) {
    *bytes = static_cast<sqlite3_int64>(file_of(file).now.size());
    return SQLITE_OK;
  }
  static int lock(sqlite3_file* file, int level) {
    Disk::File& on = file_of(file);
    Disk::Handle* const me = &of(file);
    if (level == SQLITE_LOCK_SHARED) {
      if (on.exclusive != nullptr && on.exclusive != me) return SQLITE_BUSY;
      on.shared.insert(me);
      return SQLITE_OK;
    }
    if (on.reserved != nullptr && on.reserved != me) return SQLITE_BUSY;
    on.reserved = me;
    if (level == SQLITE_LOCK_RESERVED) return SQLITE_OK;
    on.exclusive = me;
    return on.shared.size() > on.shared.count(me) ? SQLITE_BUSY : SQLITE_OK;
  }
  static int unlock(sqlite3_file* file, int level) {
    Disk::File& on = file_of(file);
    Disk::Handle* const me = &of(file);
    if (on.exclusive == me) on.exclusive = nullptr;
    if (on.reserved == me) on.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE) on.shared.erase(me);
    return SQLITE_OK;
  }
  static int is_reserved(sqlite3_file* file, int* reserved) {
    *reserved = file_of(file).reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return static_cast<int>(kSector); }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
  static int shm_map(sqlite3_file* file, int number, int, int extend, void volatile** to) {
    auto& index = file_of(file).index;
    *to = nullptr;
    const auto wanted = static_cast<std::size_t>(number);
    if (wanted >= index.size() && extend == 0) return SQLITE_OK;
    while (wanted >= index.size()) index.push_back(std::make_unique<std::array<char, 32768>>());
    *to = index[wanted]->data();
    return SQLITE_OK;
  }
  static int shm_lock(sqlite3_file* file, int first, int count, int flags) {
    Disk::File& on = file_of(file);
    Disk::Handle* const me = &of(file);
    const auto from = static_cast<std::size_t>(first);
    const auto to = from + static_cast<std::size_t>(count);
    for (std::size_t i = from; i < to; ++i) {
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        on.index_shared[i].erase(me);
        if (on.index_exclusive[i] == me) on.index_exclusive[i] = nullptr;
        continue;
      }
      if (on.index_exclusive[i] != nullptr && on.index_exclusive[i] != me) return SQLITE_BUSY;
      const bool others = on.index_shared[i].size() > on.index_shared[i].count(me);
      if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && others) return SQLITE_BUSY;
    }
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return SQLITE_OK;
    for (std::size_t i = from; i < to; ++i) {
      if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) {
        on.index_exclusive[i] = me;
      } else {
        on.index_shared[i].insert(me);
      }
    }
    return SQLITE_OK;
  }
  static void shm_barrier(sqlite3_file*) {}
  static int shm_unmap(sqlite3_file* file, int remove) {
    Disk::File& on = file_of(file);
    Disk::Handle* const me = &of(file);
    for (std::size_t i = 0; i < kLocks; ++i) {
      on.index_shared[i].erase(me);
      if (on.index_exclusive[i] == me) on.index_exclusive[i] = nullptr;
    }
    if (remove != 0) on.index.clear();
    return SQLITE_OK;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods methods = {};
      methods.iVersion = 2;
      methods.xClose = close;
      methods.xRead = read;
      methods.xWrite = write;
      methods.xTruncate = truncate;
      methods.xSync = sync;
      methods.xFileSize = file_size;
      methods.xLock = lock;
      methods.xUnlock = unlock;
      methods.xCheckReservedLock = is_reserved;
      methods.xFileControl = control;
      methods.xSectorSize = sector_size;
      methods.xDeviceCharacteristics = characteristics;
      methods.xShmMap = shm_map;
      methods.xShmLock = shm_lock;
      methods.xShmBarrier = shm_barrier;
      methods.xShmUnmap = shm_unmap;
      return methods;
    }();
    Disk& disk = of(vfs);
    file->pMethods = nullptr;
    const std::string path = name == nullptr ? "" : name;
    if (disk.ask({Op::open, path}) != Fault::none) return SQLITE_CANTOPEN;
    std::shared_ptr<Disk::File> opened;
    if (name == nullptr) {
      opened = std::make_shared<Disk::File>();
    } else if (const auto found = disk.names_.find(path); found != disk.names_.end()) {
      opened = found->second;
    } else {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      opened = std::make_shared<Disk::File>();
      disk.change({"", path, opened});
    }
    Disk::Handle& handle = of(file);
    handle.disk = &disk;
    handle.file = new std::shared_ptr<Disk::File>(opened);
    handle.path = new std::string(path);
    handle.syncs_directory =
        (flags & SQLITE_OPEN_CREATE) != 0 &&
        (flags & (SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    if (out_flags != nullptr) *out_flags = flags;
    file->pMethods = &kMethods;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    Disk& disk = of(vfs);
    if (disk.ask({Op::remove, name}) != Fault::none) return SQLITE_IOERR_DELETE;
    if (!disk.names_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
    disk.change({name, "", nullptr});
    if (sync_directory != 0) {
      disk.synced_names_ = disk.names_;
      disk.unsynced_.clear();
    }
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int, int* answer) {
    const auto found = of(vfs).names_.find(name);
    *answer = found != of(vfs).names_.end() ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int bytes, char* out) {
    sqlite3_snprintf(bytes, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs*, int bytes, char* out) {
    std::memset(out, 7, static_cast<std::size_t>(bytes));
    return bytes;
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int current_time(sqlite3_vfs*, double* day) {
    *day = 2461000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

PowerCutDisk::PowerCutDisk() : vfs_(std::make_unique<sqlite3_vfs>()) {
  static int made = 0;
  name_ = "power-cut-" + std::to_string(++made);
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(Handle);
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = PowerCutCalls::open;
  vfs_->xDelete = PowerCutCalls::remove;
  vfs_->xAccess = PowerCutCalls::access;
  vfs_->xFullPathname = PowerCutCalls::full_path;
  vfs_->xRandomness = PowerCutCalls::randomness;
  vfs_->xSleep = PowerCutCalls::sleep;
  vfs_->xCurrentTime = PowerCutCalls::current_time;
  vfs_->xGetLastError = PowerCutCalls::last_error;
  sqlite3_vfs_register(vfs_.get(), 0);
}

PowerCutDisk::~PowerCutDisk() {
  sqlite3_vfs_unregister(vfs_.get());
}

PowerCutDisk::Fault PowerCutDisk::ask(const Call& call) const {
  ++calls;
  return on_call ? on_call(call) : Fault::none;
}

void PowerCutDisk::apply(const Change& change, Names& names) {
  if (change.file != nullptr) {
    names[change.to] = change.file;
    return;
  }
  const auto found = names.find(change.from);
  if (found == names.end()) return;  // its making was lost
  auto file = found->second;
  names.erase(found);
  if (!change.to.empty()) names[change.to] = std::move(file);
}

void PowerCutDisk::change(Change made) {
  apply(made, names_);
  unsynced_.push_back(std::move(made));
}

PowerCutDisk::Image PowerCutDisk::cut(Keep keep, std::mt19937_64& random) const {
  Names names = keep == Keep::all ? names_ : synced_names_;
  if (keep == Keep::some) {
    // Half of the time in order, as a file system with a journal keeps them.
    const bool in_order = random() % 2 == 0;
    const auto kept = static_cast<std::size_t>(random() % (unsynced_.size() + 1));
    for (std::size_t i = 0; i < unsynced_.size(); ++i) {
      if (in_order ? i < kept : random() % 2 == 0) apply(unsynced_[i], names);
    }
  }
  Image image;
  for (const auto& [name, file] : names) image[name] = file->cut(keep, random);
  return image;
}

void PowerCutDisk::load(const Image& image) {
  names_.clear();
  unsynced_.clear();
  for (const auto& [name, bytes] : image) {
    auto file = std::make_shared<File>();
    file->now = bytes;
    file->synced = bytes;
    names_[name] = std::move(file);
  }
  synced_names_ = names_;
}

std::string& PowerCutDisk::content(const std::string& path) {
  return names_.at(path)->now;
}

Result<UniqueFd> PowerCutDisk::lock(const std::filesystem::path&) {
  return UniqueFd();
}

StoreFiles::Kind PowerCutDisk::kind(const std::filesystem::path& path) const {
  return names_.contains(path) ? Kind::file : Kind::absent;
}

Result<StoreFiles::Identity> PowerCutDisk::identity(const std::filesystem::path& path) const {
  const auto found = names_.find(path);
  if (found == names_.end()) return errno_error(path.string(), ENOENT);
  return Identity{1, reinterpret_cast<std::uintptr_t>(found->second.get())};
}

std::optional<std::uint64_t> PowerCutDisk::size(const std::filesystem::path& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? std::nullopt : std::optional<std::uint64_t>(found->second->now.size());
}

Result<std::string> PowerCutDisk::read(const std::filesystem::path& path, std::uint64_t offset,
                                       std::size_t most) const {
  const auto found = names_.find(path);
  if (found == names_.end()) return errno_error(path.string(), ENOENT);
  if (ask({Op::read, path.native(), offset, most}) != Fault::none) return errno_error(path.string(), EIO);
  const std::string& now = found->second->now;
  return offset < now.size() ? now.substr(static_cast<std::size_t>(offset), most) : "";
}

Result<std::vector<std::string>> PowerCutDisk::names(const std::filesystem::path&) const {
  std::vector<std::string> found;
  for (const auto& [name, file] : names_) found.push_back(std::filesystem::path(name).filename());
  return found;
}

Result<void> PowerCutDisk::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (!names_.contains(from)) return {};
  if (ask({Op::rename, from.native()}) != Fault::none) return errno_error(from.string(), EIO);
  change({from, to, nullptr});
  return {};
}

Result<void> PowerCutDisk::remove(const std::filesystem::path& path) {
  if (!names_.contains(path)) return {};
  if (ask({Op::remove, path.native()}) != Fault::none) return errno_error(path.string(), EIO);
  change({path, "", nullptr});
  return {};
}

Result<void> PowerCutDisk::sync(const std::filesystem::path& directory) {
  if (ask({Op::sync_directory, directory.native()}) != Fault::none)
    return errno_error(directory.string(), EIO);
  if (is_lying) return {};
  synced_names_ = names_;
  unsynced_.clear();
  return {};
}

}  // namespace vigile
