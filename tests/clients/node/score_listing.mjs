import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [server, photo, protos = "proto"] = process.argv.slice(2); // 127.0.0.1:8600 photo.jpg
const definition = loadSync("mannequin/v1/abuse_scorer.proto", { includeDirs: [protos], keepCase: true, enums: String });
const { AbuseScorer } = grpc.loadPackageDefinition(definition).mannequin.v1;
const scorer = new AbuseScorer(server, grpc.credentials.createInsecure());
const request = {
  product: { title: "Steel watch", category_path: ["Watches"], brand: "Acme" },
  image: readFileSync(photo),
};
scorer.ScoreListing(request, { deadline: Date.now() + 5000 }, (error, response) => {
  if (error) throw error;
  console.log(response.verdict.kind);
  for (const { reason, probability } of response.verdict.reasons) console.log(reason, probability);
  scorer.close();
});
