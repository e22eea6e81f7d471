#include "services/trainer/report_pipe.h"

#include <unistd.h>

#include <cerrno>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/delimited_message_util.h"

namespace mannequin {

namespace pb = google::protobuf;

void ReportWriter::Write(const v1::TrainingReport& report) const {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::util::SerializeDelimitedToZeroCopyStream(report, &stream);
  }
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    done += static_cast<std::size_t>(n);
  }
}

std::optional<v1::TrainingReport> ReportReader::Next() {
  pb::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(buffer_.data()),
                                  static_cast<int>(buffer_.size()));
  std::uint32_t size = 0;
  if (!stream.ReadVarint32(&size)) return std::nullopt;
  const auto head = static_cast<std::size_t>(stream.CurrentPosition());
  if (buffer_.size() - head < size) return std::nullopt;
  v1::TrainingReport report;
  const bool parsed = report.ParseFromArray(buffer_.data() + head, static_cast<int>(size));
  buffer_.erase(0, head + size);
  if (!parsed) return Next();
  return report;
}

}  // namespace mannequin
