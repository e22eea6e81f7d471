import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import mannequin.v1.AbuseScorerGrpc;
import mannequin.v1.AbuseScorerOuterClass.ScoreListingRequest;
import mannequin.v1.ProductOuterClass.Product;

public class ScoreListing {
  public static void main(String[] args) throws Exception {
    String server = args[0], photo = args[1]; // 127.0.0.1:8600 photo.jpg
    var channel = Grpc.newChannelBuilder(server, InsecureChannelCredentials.create()).build();
    var scorer = AbuseScorerGrpc.newBlockingStub(channel).withDeadlineAfter(5, TimeUnit.SECONDS);
    var request = ScoreListingRequest.newBuilder()
        .setProduct(Product.newBuilder().setTitle("Steel watch").addCategoryPath("Watches").setBrand("Acme"))
        .setImage(ByteString.copyFrom(Files.readAllBytes(Path.of(photo))))
        .build();
    var verdict = scorer.scoreListing(request).getVerdict();
    System.out.println(verdict.getKind());
    verdict.getReasonsList().forEach(r -> System.out.println(r.getReason() + " " + r.getProbability()));
    channel.shutdown();
  }
}
