package savedmodel

import (
	"slices"
	"strings"
)

var code = []string{"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction", "LoadLibrary", "TRTEngineOp"}

var network = []string{
	"DataService*", "RegisterDataset*", "Rpc*", "TryRpc*", "DebugIdentity*", "DebugNanCount", "DebugNumericSummary*", "Bigtable*", "BigQuery*", "KafkaDataset*", "PubSub*",
	"CollectiveGather*", "ConfigureDistributedTPU", "GrpcServer*", "_Send", "_Recv", "_HostSend", "_HostRecv", "IgniteDataset", "GcsConfigure*",
}

var variables = []string{"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "ShardedFilespec", "Save", "Restore", "RestoreSlice", "SaveSlices"}

var files = []string{
	"ReadFile", "WriteFile", "MatchingFiles", "MatchingFilesDataset", "WholeFileReader*", "TextLineReader*", "TextLineDataset", "TFRecordReader*", "TFRecordDataset*",
	"FixedLengthRecord*", "LMDB*", "SqlDataset", "CSVDataset*", "IdentityReader*", "ReaderRead*", "InitializeTableFromTextFile*", "InitializeTableFromDataset*", "LoadAndRemapMatrix",
	"GenerateVocabRemapping", "CacheDataset*", "SnapshotDataset*", "SaveDataset*", "LoadDataset*", "CreateSummaryFileWriter", "CreateSummaryDbWriter",
	"ImportEvent", "WriteSummary", "WriteRawProtoSummary", "WriteAudioSummary", "WriteGraphSummary", "WriteHistogramSummary", "WriteImageSummary", "WriteScalarSummary",
	"DecodeVideo*", "PrintV2", "CheckpointDataset*", "ImmutableConst", "RestoreSlice*",
}

// inertOperator knows operators that compute, move data, or hold state in
// memory (tensorflow/core/ops at v2.18). It holds the ones that saved models
// have; what is not here is shown as unlisted.
func inertOperator(op string) bool {
	return op != "" && slices.Contains(strings.Fields(inert), op)
}

const inert = ` NoOp Const Placeholder PlaceholderWithDefault PlaceholderV2 Identity IdentityN StopGradient PreventGradient Snapshot Assert Print
 StatefulPartitionedCall PartitionedCall If StatelessIf While StatelessWhile Case StatelessCase Switch RefSwitch Merge Enter Exit NextIteration LoopCond ControlTrigger
 VarHandleOp ReadVariableOp AssignVariableOp AssignAddVariableOp AssignSubVariableOp VarIsInitializedOp DestroyResourceOp VariableV2 Variable Assign AssignAdd AssignSub IsVariableInitialized
 VariableShape ResourceGather ResourceGatherNd ResourceScatterUpdate ResourceScatterAdd TemporaryVariable
 HashTable HashTableV2 LookupTableFindV2 LookupTableImportV2 LookupTableExportV2 LookupTableSizeV2 LookupTableInsertV2 MutableHashTableV2 InitializeTableV2 AnonymousMutableHashTable
 Add AddV2 AddN Sub Mul Div RealDiv DivNoNan FloorDiv FloorMod Mod Pow Square Sqrt Rsqrt Exp Expm1 Log Log1p Neg Abs Sign Sin Cos Tan Tanh Asin Acos Atan Atan2 Sinh Cosh Erf Erfc Reciprocal
 Floor Ceil Round Rint Maximum Minimum Sigmoid Softplus Softsign Relu Relu6 LeakyRelu Elu Selu Softmax LogSoftmax SquaredDifference Xdivy Xlogy ClipByValue Cumsum Cumprod
 MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Conv1D Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2 BiasAdd BiasAddV1 FusedBatchNorm FusedBatchNormV2
 FusedBatchNormV3 MaxPool MaxPoolV2 MaxPool3D AvgPool AvgPool3D LRN L2Loss TopK TopKV2 InTopK InTopKV2 Qr Svd Cholesky MatrixInverse MatrixDeterminant MatrixSolve MatrixBandPart MatrixDiag
 MatrixDiagV2 MatrixDiagV3 MatrixDiagPartV3 MatrixSetDiagV3 Cross FFT IFFT RFFT IRFFT FFT2D IFFT2D
 Sum Mean Prod Max Min All Any ArgMax ArgMin Bincount DenseBincount SegmentSum SegmentMean UnsortedSegmentSum UnsortedSegmentMax Bucketize HistogramFixedWidth EuclideanNorm
 Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot IsNan IsInf IsFinite ApproximateEqual Select SelectV2 Where Cast Bitcast CheckNumerics BitwiseAnd BitwiseOr
 Reshape Shape ShapeN Size Rank Squeeze ExpandDims Transpose Concat ConcatV2 Split SplitV Pack Unpack Stack Unstack Slice StridedSlice StridedSliceAssign Gather GatherV2 GatherNd ScatterNd
 TensorScatterUpdate TensorScatterAdd TensorStridedSliceUpdate Tile Pad PadV2 MirrorPad Reverse ReverseV2 ReverseSequence Fill ZerosLike OnesLike Range LinSpace OneHot BroadcastTo BroadcastArgs
 BroadcastGradientArgs InvertPermutation SpaceToDepth DepthToSpace SpaceToBatchND BatchToSpaceND ExtractImagePatches Unique UniqueV2 UniqueWithCounts ListDiff EnsureShape GuaranteeConst DynamicPartition
 DynamicStitch ParallelConcat ParallelDynamicStitch Empty Roll
 RandomUniform RandomStandardNormal RandomUniformInt TruncatedNormal RandomShuffle Multinomial StatelessRandomUniform StatelessRandomUniformV2 StatelessRandomNormal StatelessRandomNormalV2
 StatelessRandomGetKeyCounter StatelessRandomGetAlg Dropout
 TensorListReserve TensorListFromTensor TensorListStack TensorListGetItem TensorListSetItem TensorListLength TensorListPushBack TensorListPopBack EmptyTensorList TensorListConcatV2 TensorListElementShape
 TensorArrayV3 TensorArrayReadV3 TensorArrayWriteV3 TensorArrayGatherV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArrayCloseV3
 StringJoin StringSplit StringSplitV2 StringLower StringUpper StringStrip StringLength Substr RegexReplace RegexFullMatch StaticRegexReplace StaticRegexFullMatch StringToHashBucketFast StringToNumber
 AsString StringFormat StringNGrams UnicodeEncode UnicodeDecodeWithOffsets UnicodeTranscode UnicodeScript EncodeBase64 DecodeBase64 ReduceJoin
 DecodeRaw DecodeJpeg DecodePng DecodeImage DecodeBmp DecodeGif DecodeWav EncodeJpeg EncodePng DecodeCSV ParseExample ParseExampleV2 ParseSingleExample ParseTensor SerializeTensor DecodeJSONExample
 ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea CropAndResize NonMaxSuppression NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 CombinedNonMaxSuppression AdjustContrastv2 RGBToHSV HSVToRGB
 ImageProjectiveTransformV2 ImageProjectiveTransformV3 DrawBoundingBoxes
 RaggedTensorToTensor RaggedTensorToSparse RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToVariant SparseToDense SparseReshape SparseTensorDenseMatMul SparseSegmentSum SparseSegmentMean
 SparseSegmentSqrtN SparseFillEmptyRows SparseReorder SparseSlice SparseConcat SparseSplit SparseAdd SparseReduceSum SparseSoftmax SparseCross SparseCrossV2
 FakeQuantWithMinMaxVars FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVarsPerChannel QuantizeV2 Dequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV4 Requantize
 RandomCrop Timestamp MergeSummary ScalarSummary HistogramSummary SparseMatMul UniqueDataset TensorDataset LSTMBlockCell BlockLSTM GRUBlockCell CudnnRNN CudnnRNNV2 CudnnRNNV3
 ResourceApplyAdam ResourceApplyGradientDescent ResourceApplyMomentum ResourceApplyKerasMomentum ReluGrad Relu6Grad TanhGrad SigmoidGrad SqrtGrad RsqrtGrad BiasAddGrad MaxPoolGrad AvgPoolGrad FusedBatchNormGradV3
 Conv2DBackpropFilter StridedSliceGrad SymbolicGradient Softmax SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits `
