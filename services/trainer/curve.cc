#include "services/trainer/curve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/delimited_message_util.h"

namespace mannequin {
namespace {

namespace pb = google::protobuf;

// Calls `visit(point, bytes up to its end)` for each; false ends it.
template <typename Visit>
void ForEachPoint(const std::string& bytes, const Visit& visit) {
  pb::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  v1::TrainingPoint point;
  bool clean_end = false;
  while (pb::util::ParseDelimitedFromZeroCopyStream(&point, &stream, &clean_end)) {
    if (!visit(point, static_cast<std::size_t>(stream.ByteCount()))) return;
  }
}

}  // namespace

absl::StatusOr<std::vector<v1::TrainingPoint>> ReadCurve(const std::string& path, std::size_t max_points) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  std::vector<v1::TrainingPoint> points;
  ForEachPoint(bytes, [&](const v1::TrainingPoint& point, std::size_t) {
    points.push_back(point);
    return true;
  });
  if (points.size() <= max_points) return points;
  std::vector<v1::TrainingPoint> thinned;
  for (std::size_t i = 1; i <= max_points; ++i) thinned.push_back(points[i * points.size() / max_points - 1]);
  return thinned;
}

absl::StatusOr<std::unique_ptr<CurveWriter>> CurveWriter::Open(const std::string& path, std::int64_t step) {
  std::size_t keep = 0;
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (bytes.ok()) {
    ForEachPoint(*bytes, [&](const v1::TrainingPoint& point, std::size_t end) {
      if (point.step() > step) return false;
      keep = end;
      return true;
    });
  } else if (!absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  std::unique_ptr<CurveWriter> writer(new CurveWriter(path, fd));
  if (ftruncate(fd, static_cast<off_t>(keep)) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot cut ", path));
  return writer;
}

CurveWriter::~CurveWriter() { close(fd_); }

absl::Status CurveWriter::Add(const v1::TrainingPoint& point) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::util::SerializeDelimitedToZeroCopyStream(point, &stream);
  }
  const ssize_t n = write(fd_, bytes.data(), bytes.size());
  if (n == static_cast<ssize_t>(bytes.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(n < 0 ? errno : ENOSPC, absl::StrCat("cannot write ", path_));
}

}  // namespace mannequin
