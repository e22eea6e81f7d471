// What a store on PostgreSQL and a bucket counts, for Prometheus.
//
//   mannequin_store_changes_total{outcome}       counter; "kept", "again" (others came between, or the server was
//                                                gone), "refused" (by what was asked), "failed"
//   mannequin_store_change_seconds               histogram; one change, with its repeats and uploads
//   mannequin_store_connections_in_use           gauge; of max_connections
//   mannequin_store_uploaded_bytes_total         counter; pictures with their renditions
//   mannequin_store_swept_objects_total          counter; objects that nothing referred to any more
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mannequin::store_metrics {

// Thread-safe; the metrics are the process's.
void CountChange(absl::string_view outcome);
void ObserveChange(absl::Duration elapsed);
// 1 or -1.
void AddConnectionsInUse(double by);
void CountUploadedBytes(double bytes);
void CountSweptObjects(double objects);

}  // namespace mannequin::store_metrics
