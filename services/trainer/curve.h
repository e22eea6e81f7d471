// The curves of a training on disk: v1.TrainingPoint, one behind the other, each with its
// length as a varint before it. Only ever appended to, but for the points behind the
// checkpoint that a training goes on from.
//
//   ASSIGN_OR_RETURN(auto curve, CurveWriter::Open(folder + "/curve.pb", step));
//   RETURN_IF_ERROR(curve->Add(point));
//   ASSIGN_OR_RETURN(std::vector<v1::TrainingPoint> points, ReadCurve(folder + "/curve.pb", 1000));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

inline constexpr char kCurveFile[] = "/curve.pb";

// The points, oldest first; more than `max_points` are thinned evenly, the last one kept.
// What a crash left of a last point is passed over. NOT_FOUND.
absl::StatusOr<std::vector<v1::TrainingPoint>> ReadCurve(const std::string& path, std::size_t max_points);

// Belongs to one thread.
class CurveWriter {
 public:
  // Keeps the points up to `step` of what is there.
  static absl::StatusOr<std::unique_ptr<CurveWriter>> Open(const std::string& path, std::int64_t step);
  ~CurveWriter();

  // RESOURCE_EXHAUSTED when the disk is full.
  absl::Status Add(const v1::TrainingPoint& point);

 private:
  CurveWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
};

}  // namespace mannequin
